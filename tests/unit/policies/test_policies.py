"""The Rego compiles strictly, is formatted, passes its own tests, and leaves no line untested."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from components.opa_policies import policy_files, site_data
from model import Site, load_site, site_names
from tests.support.tools import tool

REPOSITORY = Path(__file__).parents[3]
POLICIES = REPOSITORY / "policies"
STACKS = REPOSITORY / "stacks"


def opa(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = (str(tool("opa") / "opa"), *arguments)
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, cwd=REPOSITORY)


@pytest.fixture(params=site_names(STACKS))
def site(request: pytest.FixtureRequest) -> Site:
    return load_site(STACKS, request.param)


def test_the_rego_compiles_strictly() -> None:
    checked = opa("check", "--strict", str(POLICIES))
    assert checked.returncode == 0, checked.stderr


def test_the_rego_is_formatted() -> None:
    assert opa("fmt", "--list", str(POLICIES)).stdout == ""


def test_the_regos_own_tests_pass_and_cover_every_line() -> None:
    tested = opa("test", str(POLICIES))
    assert tested.returncode == 0, tested.stdout
    report = json.loads(opa("test", "--coverage", str(POLICIES)).stdout)
    assert report["coverage"] == 100, [
        name for name, file in report["files"].items() if file.get("not_covered")
    ]


def test_every_rego_file_has_its_tests() -> None:
    sources = {path for path in POLICIES.rglob("*.rego") if not path.stem.endswith("_test")}
    assert sources
    assert [path for path in sources if not path.with_name(f"{path.stem}_test.rego").exists()] == []


def test_every_rego_file_says_what_it_is_for() -> None:
    for path in POLICIES.rglob("*.rego"):
        if not path.stem.endswith("_test"):
            text = path.read_text(encoding="utf-8")
            assert text.startswith("# METADATA\n# title: "), path
            assert "# description: " in text, path


@pytest.mark.parametrize(
    ("client_class", "action", "topic", "result"),
    [
        ("device", "publish", "{site}/{name}/temperature", "allow"),
        ("device", "publish", "{site}/another/temperature", "deny"),
        ("device", "subscribe", "{site}/{name}/command/reboot", "allow"),
        ("device", "subscribe", "{site}/#", "deny"),
        ("device", "publish", "ot/{site}/unit/1", "deny"),
        ("gateway", "publish", "spBv1.0/{site}/NDATA/{name}", "allow"),
        ("gateway", "publish", "spBv1.0/{site}/NDATA/another", "deny"),
        ("gateway", "publish", "ot/{site}/unit/1", "deny"),
        ("service", "subscribe", "ot/{site}/#", "allow"),
        ("service", "publish", "ot/{site}/unit/1", "deny"),
        ("service", "subscribe", "#", "deny"),
        ("mirror", "publish", "ot/{site}/unit/1", "allow"),
        ("mirror", "publish", "{site}/{name}/temperature", "deny"),
        ("mirror", "subscribe", "ot/{site}/#", "deny"),
    ],
)
def test_a_sample_site_decides_as_its_rules_say(
    site: Site, tmp_path: Path, client_class: str, action: str, topic: str, result: str
) -> None:
    name = f"one.{client_class}s.{site.domain}"
    question = {
        "site": site.name,
        "username": name,
        "clientid": name,
        "topic": topic.format(site=site.name, name=name),
        "action": action,
        "qos": "1",
        "retain": "false",
        "peerhost": "192.0.2.7",
        "cert_common_name": name,
    }
    assert decide(site, tmp_path, question) == {"result": result}


@pytest.mark.parametrize(
    ("action", "topic", "result"),
    [
        ("publish", "spBv1.0/{site}/NDATA/{name}", "allow"),
        ("publish", "{site}/separator-runge/pressure", "allow"),
        ("subscribe", "{site}/separator-runge/#", "allow"),
        ("publish", "{site}/pad-kenedy-12/pressure", "deny"),
        ("subscribe", "{site}/#", "deny"),
        ("publish", "ot/{site}/unit/1", "deny"),
    ],
)
def test_a_gateway_with_a_token_has_what_the_site_gives_it(
    tmp_path: Path, action: str, topic: str, result: str
) -> None:
    site = load_site(STACKS, "eagle-ford")
    name = f"runge-satellite.gateways.{site.domain}"
    question = {
        "site": site.name,
        "username": name,
        "clientid": name,
        "cert_common_name": "undefined",
        "action": action,
        "topic": topic.format(site=site.name, name=name),
    }
    assert decide(site, tmp_path, question) == {"result": result}


@pytest.mark.parametrize(
    ("action", "topic", "result"),
    [
        ("subscribe", "{site}/#", "allow"),
        ("subscribe", "spBv1.0/{site}/#", "allow"),
        ("subscribe", "ot/{site}/#", "allow"),
        ("subscribe", "#", "deny"),
        ("publish", "{site}/operator-1/x", "deny"),
    ],
)
def test_a_person_with_a_token_reads_the_site_and_writes_nothing(
    site: Site, tmp_path: Path, action: str, topic: str, result: str
) -> None:
    question = {
        "site": site.name,
        "username": "operator-1",
        "clientid": "operator-1/browser",
        "cert_common_name": "undefined",
        "action": action,
        "topic": topic.format(site=site.name),
    }
    assert decide(site, tmp_path, question) == {"result": result}


@pytest.mark.parametrize("username", ["operator-1", "historian.services.eagle-ford.field.example"])
@pytest.mark.parametrize(
    ("action", "topic", "result"),
    [
        ("subscribe", "field/separators/#", "allow"),
        ("subscribe", "wells/#", "allow"),
        ("subscribe", "field/#", "deny"),
        ("subscribe", "field/compressors/#", "deny"),
        ("publish", "field/separators/pressure", "deny"),
    ],
)
def test_who_reads_the_site_reads_the_assets_whose_topics_begin_otherwise(
    tmp_path: Path, username: str, action: str, topic: str, result: str
) -> None:
    stacks = shutil.copytree(STACKS, tmp_path / "stacks", ignore=shutil.ignore_patterns("Pulumi.*"))
    file = stacks / "sites" / "eagle-ford.yaml"
    text = file.read_text()
    for asset, space in {"separator-runge": "field/separators", "pad-kenedy-14": "wells"}.items():
        assert f"- name: {asset}\n" in text
        text = text.replace(f"- name: {asset}\n", f"- name: {asset}\n    topic_space: {space}\n")
    file.write_text(text)
    site = load_site(stacks, "eagle-ford")
    question = {
        "site": site.name,
        "username": username,
        "clientid": username,
        "cert_common_name": username if site.domain in username else "undefined",
        "action": action,
        "topic": topic,
    }
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    assert decide(site, bundle, question) == {"result": result}


@pytest.mark.parametrize(
    ("name", "topic", "result"),
    [
        ("scada-karnes", "spBv1.0/STATE/karnes", "allow"),
        ("scada-karnes", "spBv1.0/{site}/NCMD/gw-1", "allow"),
        ("scada-karnes", "spBv1.0/{site}/DCMD/gw-1/pump", "deny"),
        ("scada-karnes", "{site}/pump-1/command/stop", "deny"),
        ("historian", "spBv1.0/STATE/karnes", "deny"),
        ("historian", "spBv1.0/{site}/NCMD/gw-1", "deny"),
    ],
)
def test_only_a_host_that_the_site_names_speaks_to_devices(
    tmp_path: Path, name: str, topic: str, result: str
) -> None:
    site = load_site(STACKS, "eagle-ford")
    whole = f"{name}.services.{site.domain}"
    question = {
        "site": site.name,
        "username": whole,
        "clientid": whole,
        "cert_common_name": whole,
        "action": "publish",
        "topic": topic.format(site=site.name),
    }
    assert decide(site, tmp_path, question) == {"result": result}


@pytest.mark.parametrize(
    ("client_class", "result"),
    [("service", "allow"), ("gateway", "allow"), ("device", "deny"), ("mirror", "deny")],
)
def test_a_profiles_pattern_of_names_reaches_its_clients(
    tmp_path: Path, client_class: str, result: str
) -> None:
    site = load_site(STACKS, "baytown")
    name = f"laboratory-1.{client_class}s.{site.domain}"
    question = {
        "site": site.name,
        "username": name,
        "clientid": name,
        "cert_common_name": name,
        "action": "publish",
        "topic": f"{site.name}/laboratory/sample",
    }
    assert decide(site, tmp_path, question) == {"result": result}


def decide(site: Site, folder: Path, question: dict[str, str]) -> dict[str, str]:
    """Return what the bundle, as the site deploys it, answers."""
    for name, text in {**policy_files(), "site.json": site_data(site)}.items():
        (folder / name).write_text(text, encoding="utf-8")
    evaluated = opa(
        "eval", "--stdin-input", "--format", "raw", "--data", str(folder), "data.iot.mqtt.decision",
        given=json.dumps(question),
    )  # fmt: skip
    assert evaluated.returncode == 0, evaluated.stderr
    answer: dict[str, str] = json.loads(evaluated.stdout)
    return answer
