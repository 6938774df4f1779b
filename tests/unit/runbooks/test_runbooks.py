"""The on-call operator finds a page for each alert; what it says to paste is a shell's, and asks for what is there."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from components import bridge_settings, names, workers
from components.recording import Composition
from lab.operators.emqx_objects import broker_objects
from lab.operators.kubernetes import Document
from model import load_site
from model.monitoring import AlertName
from tests.support.composing import compose
from tests.support.emqx_ctl import is_understood

REPOSITORY = Path(__file__).parents[3]
RUNBOOKS = REPOSITORY / "runbooks"
STACKS = REPOSITORY / "stacks"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
INDEX = RUNBOOKS / "README.md"
EVERY_PAGE = sorted(path for path in RUNBOOKS.glob("*.md") if path != INDEX)
PAGES = [path for path in EVERY_PAGE if path.stem[0].isupper()]


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text(encoding="utf-8")


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert {path.stem for path in PAGES} == set(get_args(AlertName))


def test_a_page_is_titled_as_its_alert() -> None:
    for path in PAGES:
        assert path.read_text(encoding="utf-8").startswith(f"# {path.stem}\n")


def test_a_page_has_the_four_sections_in_their_order(page: str) -> None:
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS


def test_a_page_gives_commands_to_paste_for_diagnosis(page: str) -> None:
    assert "```sh\n" in page.split("## Diagnosis")[1].split("## Mitigation")[0]


def test_its_commands_are_a_shells(page: str) -> None:
    checked = subprocess.run(
        ["bash", "-n"], input=commands(page), capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_its_links_lead_to_pages(page: str) -> None:
    assert [link for link in re.findall(r"\]\(([^)]+\.md)\)", page) if not (RUNBOOKS / link).exists()] == []


def test_the_index_names_every_page_once_by_a_symptom() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| \[([\w-]+)\]\(([\w-]+)\.md\) \|$", INDEX.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(page for _, _, page in rows) == [path.stem for path in EVERY_PAGE]
    assert all(name == page for _, name, page in rows)
    symptoms = [symptom for symptom, _, _ in rows]
    assert len(symptoms) == len(set(symptoms))


def test_the_index_says_where_each_file_comes_from() -> None:
    index = INDEX.read_text(encoding="utf-8")
    used = {
        file
        for path in EVERY_PAGE
        for file in re.findall(
            r" (?:-CAfile|-cert|-key|--cacert|-in|--consumer\.config) ([\w-]+\.[\w.]+)",
            commands(path.read_text()),
        )
        if not re.search(rf"> {re.escape(file)}$", commands(path.read_text()), re.MULTILINE)
    }
    assert used
    assert [file for file in sorted(used) if f"`{file}`" not in index] == []


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: path.stem)
def test_what_is_asked_of_emqx_is_a_command_of_its_own(path: Path) -> None:
    """Held against EMQX's source: nothing in the lab answers `emqx ctl`."""
    text = path.read_text(encoding="utf-8")
    blocks = "\n".join(line.strip() for line in commands(text).splitlines() if "()" not in line)
    asked = [
        *re.findall(r"(?:^|; |[$][(])(?:ctl|node|emqx) (?!ctl )([^|#;&)\n]+)", blocks, re.MULTILINE),
        *re.findall(r"emqx ctl ([^|#;&)'<\n`]+)", blocks),
        *re.findall(r"`(?:emqx )?ctl ([a-z][^`]+)`", text),
    ]
    assert [command for command in map(str.strip, asked) if not is_understood(command)] == []


@pytest.fixture(scope="module")
def composition() -> Composition:
    return compose(load_site(STACKS, "eagle-ford"))


@pytest.fixture(scope="module")
def broker(composition: Composition) -> list[tuple[str, Document]]:
    """What the operator makes of the site's EMQX resource, as kind and object."""
    made = composition.one("EMQX")
    metadata = {**made.metadata, "uid": "u"}
    return [(kind.name, found) for kind, found in broker_objects({"metadata": metadata, "spec": made.spec})]


def commands(text: str) -> str:
    return "\n".join(re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: path.stem)
def test_no_page_names_a_pod_or_claim_of_the_brokers_by_number(path: Path) -> None:
    """The operator names them by a digest that changes: a page finds them by their labels."""
    assert re.findall(r"broker-(?:core|replicant)-(?:\d|N\b|\$)", path.read_text(encoding="utf-8")) == []


@pytest.fixture(scope="module")
def labels_of_pods(composition: Composition, broker: list[tuple[str, Document]]) -> list[dict[str, str]]:
    specs: list[Mapping[str, Any]] = [
        made.spec for kind in ("Deployment", "Job") for made in composition.of(kind)
    ]
    (core,) = (found["spec"] for kind, found in broker if kind == "StatefulSet")
    labels = [dict(spec["template"]["metadata"]["labels"]) for spec in (*specs, core)]
    # Strimzi labels the workers' pods itself, and the site's own monitor finds them by that.
    scraped = [dict(made.spec["selector"]["matchLabels"]) for made in composition.of("PodMonitor")]
    # What only a site with replicants has.
    replicant = labels[-1] | {"apps.emqx.io/db-role": "replicant"}
    # And what only a site with workers has, or one without, or one whose bridge is a program.
    programs = [workers.selected(composition.site), bridge_settings.selected(composition.site)]
    return [*labels, replicant, *scraped, *programs, names.KAFKA_BRIDGE_PODS]


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: path.stem)
def test_each_selector_finds_pods_of_the_site(path: Path, labels_of_pods: list[dict[str, str]]) -> None:
    for selector in re.findall(
        r"pods? .*?(?:--selector|-l) (\S+)", commands(path.read_text(encoding="utf-8"))
    ):
        wanted = dict(pair.split("=", 1) for pair in selector.split(","))
        assert [labels for labels in labels_of_pods if wanted.items() <= labels.items()], selector


def test_what_a_page_asks_of_the_brokers_nodes_is_asked_of_each_by_its_own_name(
    tmp_path: Path, broker: list[tuple[str, Document]]
) -> None:
    """The functions at a page's head are run against a `kubectl` that knows the lab's pods."""
    (stateful_set,) = (found for kind, found in broker if kind == "StatefulSet")
    name, replicas = stateful_set["metadata"]["name"], stateful_set["spec"]["replicas"]
    pods = [f"pod/{name}-{number}" for number in range(replicas)]
    kubectl = tmp_path / "kubectl"
    answers = (
        "#!/bin/sh\n"
        'case "$*" in\n'
        f"  *' get pods '*) printf '%s\\n' {' '.join(pods)} ;;\n"
        '  *) printf "%s\\n" "$*" ;;\n'
        "esac\n"
    )
    kubectl.write_text(answers, encoding="utf-8")
    kubectl.chmod(0o755)
    for path in PAGES:
        head = commands(path.read_text(encoding="utf-8").split("## Meaning")[0])
        if "ctl()" not in head:
            continue
        asked = subprocess.run(
            ["bash", "-c", f"{head}\nctl broker stats"],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        ).stdout.splitlines()
        namespace = "--namespace iot-eagle-ford"
        said = [f"{namespace} exec {pod} --container emqx -- emqx ctl broker stats" for pod in pods]
        assert [line for line in asked if "exec" in line] == said, path.stem


def test_a_page_that_asks_the_brokers_nodes_says_how(page: str) -> None:
    head, _, rest = page.partition("## Meaning")
    for word in ("ctl", "nodes"):
        if re.search(rf"(?:^|\$\(|`)\s*{word}\b", commands(rest), re.MULTILINE):
            assert f"{word}() {{" in head
