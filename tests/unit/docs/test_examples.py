"""Every example in the documentation is run, or, where it needs a server, held against the command that it names."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

import click
import pytest
import yaml
from click.testing import CliRunner

from components.settings import KEYS
from model.schema import FORMS
from pipelines.__main__ import main as steps
from sitectl.main import main
from tests.support.records import signed
from tests.support.shell import REPOSITORY

PAGES = sorted(
    file
    for pattern in ("*.md", "docs/**/*.md", "lab/*.md", "runbooks/*.md", "tests/**/*.md")
    for file in REPOSITORY.glob(pattern)
)
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# These read files alone, and are run as they stand.
OFFLINE = {"validate", "explain", "render", "capacity", "sites"}
NEEDS_A_SITE = {"explain", "render", "capacity", "preflight", "rules"}


class Example(NamedTuple):
    """A command as a page has it."""

    page: str
    text: str


def blocks(language: str) -> Iterator[Example]:
    for file in PAGES:
        for indent, written, body in BLOCK.findall(file.read_text(encoding="utf-8")):
            if written == language:
                text = "\n".join(line.removeprefix(indent) for line in body.splitlines())
                yield Example(str(file.relative_to(REPOSITORY)), text)


def commands(program: str) -> list[Example]:
    """Return the program's calls: lines of shell blocks, and what stands in back quotes with an argument."""
    found = []
    for page, text in blocks("sh"):
        for line in text.splitlines():
            found += [
                Example(page, call) for call in re.findall(rf"(?:^|[ \"/(]){program} [^\"#|;&)]+", line)
            ]
    for file in PAGES:
        prose = BLOCK.sub("", file.read_text(encoding="utf-8"))
        page = str(file.relative_to(REPOSITORY))
        found += [Example(page, call) for call in re.findall(rf"`({program} [^`]+)`", prose)]
    clean = {Example(page, re.sub(rf"^.*?{program} ", f"{program} ", text).strip()) for page, text in found}
    return sorted(clean)


def words(example: Example) -> list[str]:
    """Return the arguments, with a site where the page has a placeholder for one."""
    text = re.sub(r"\$?\bSITE\b|<site>", "eagle-ford", example.text)
    text = (
        re.sub(r"\[[^]]*\]|…", "", text)
        .replace("KIND", "refinery")
        .replace("PHASE", "parallel")
        .replace("KEY", "broker.replicas")
    )
    return shlex.split(text)[1:]


def test_there_are_examples() -> None:
    assert len(commands("sitectl")) > 8
    assert len(list(blocks("sh"))) > 20
    assert len(commands("make")) > 3


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program's folder for all examples: none of them changes its data."""
    folder = tmp_path_factory.mktemp("program")
    shutil.copytree(REPOSITORY / "stacks", folder / "stacks")
    shutil.copy2(REPOSITORY / "Pulumi.yaml", folder)
    return folder


@pytest.fixture
def program(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's folder, entered."""
    monkeypatch.chdir(copied)


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    "example", commands("sitectl"), ids=lambda example: f"{example.page}: {example.text}"
)
def test_a_sitectl_example_works(example: Example) -> None:
    *first, last = words(example)
    for alternative in last.split("|"):
        arguments = [*first, alternative]
        if len(arguments) == 1 and arguments[0] in NEEDS_A_SITE:
            arguments.append("eagle-ford")  # a mention of the verb alone
        parsed(arguments)
        if arguments[0] in OFFLINE:
            code, output = ran(*arguments)
            assert code == 0, output


@cache
def ran(*arguments: str) -> tuple[int, str]:
    """Return exit code and output of a command; many pages name the same, and it is run once."""
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize(
    "example", commands("python -m pipelines"), ids=lambda example: f"{example.page}: {example.text}"
)
def test_a_pipelines_example_is_a_step(example: Example) -> None:
    parsed([word for word in words(example)[2:] if word not in ("STEP", "--help")], steps)


def parsed(arguments: list[str], command: click.Command = main) -> None:
    """Hold the arguments against the command's own parser, without running it."""
    rest = list(arguments)
    while isinstance(command, click.Group) and rest:
        inner = command.get_command(click.Context(command), rest[0])
        assert inner is not None, f"there is no {rest[0]!r}"
        command, rest = inner, rest[1:]
    if rest:
        command.make_context(command.name, rest)


def as_model(value: Any) -> Any:
    """Return YAML's lists as the tuples that the model holds."""
    if isinstance(value, dict):
        return {key: as_model(entry) for key, entry in value.items()}
    return tuple(map(as_model, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("example", commands("make"), ids=lambda example: f"{example.page}: {example.text}")
def test_a_make_example_names_a_target(example: Example) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert words(example)[0] in targets


@pytest.mark.parametrize("example", list(blocks("sh")), ids=lambda example: example.page)
def test_a_shell_example_is_shell(example: Example) -> None:
    done = subprocess.run(["bash", "-n"], input=example.text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("example", list(blocks("yaml")), ids=lambda example: example.page)
def test_a_settings_example_names_only_what_is_read(example: Example) -> None:
    document = yaml.safe_load(example.text)
    assert isinstance(document, dict)
    if "format" in document:
        forms = {get_args(form.model_fields["format"].annotation)[0]: form for form in FORMS.values()}
        form = forms[document["format"]]
        unsigned = form.model_fields.keys() - {"content", "signature"}
        for name in document:
            assert name in unsigned, name
        form.model_validate(as_model(signed(document) if "content" in form.model_fields else document))
        return
    named = {key.removeprefix("iot-broker:") for key in document.get("config", {}) if "iot-broker:" in key}
    assert named <= set(KEYS)
