"""The Rego compiles strictly, is formatted, passes its own tests, and leaves no line untested."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from model import Site, load_site, site_names
from tests.support.questions import allowed, question
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
    site: Site, client_class: str, action: str, topic: str, result: str
) -> None:
    name = f"one.{client_class}s.{site.domain}"
    assert allowed(site, question(site, name, action, topic)) == (result == "allow")


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
def test_a_gateway_with_a_token_has_what_the_site_gives_it(action: str, topic: str, result: str) -> None:
    site = load_site(STACKS, "eagle-ford")
    name = f"runge-satellite.gateways.{site.domain}"
    assert allowed(site, question(site, name, action, topic, holder="gateway")) == (result == "allow")


@pytest.mark.parametrize(
    "name", ["operator-1", "jane+iot@example.com", "o'brien", "josé", "corp\\jane", "jane doe"]
)
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
    site: Site, name: str, action: str, topic: str, result: str
) -> None:
    assert allowed(site, question(site, name, action, topic, holder="person")) == (result == "allow")


# What Eclipse Tahu's edge clients subscribe to (C, Python, JavaScript, Java), and what their hosts do.
@pytest.mark.parametrize(
    ("name", "topic", "result"),
    [
        ("pad12-gw.gateways", "spBv1.0/{site}/NCMD/{name}/#", "allow"),
        ("pad12-gw.gateways", "spBv1.0/{site}/NCMD/{name}", "allow"),
        ("pad12-gw.gateways", "spBv1.0/{site}/DCMD/{name}/#", "allow"),
        ("pad12-gw.gateways", "spBv1.0/{site}/NDEATH/{name}", "allow"),
        ("pad12-gw.gateways", "spBv1.0/karnes", "allow"),
        ("pad12-gw.gateways", "spBv1.0/STATE/karnes", "allow"),
        ("pad12-gw.gateways", "STATE/karnes", "allow"),
        ("pad12-gw.gateways", "spBv1.0/{site}/NCMD/#", "deny"),
        ("pad12-gw.gateways", "spBv1.0/{site}/NDEATH/another.gateways.eagle-ford.field.example", "deny"),
        ("pad12-gw.gateways", "spBv1.0/{site}/#", "deny"),
        ("pad12-gw.gateways", "spBv1.0/#", "deny"),
        ("pad12-gw.gateways", "spBv1.0/elsewhere", "deny"),
        ("scada-karnes.services", "spBv1.0/STATE/karnes", "allow"),
        ("scada-karnes.services", "spBv1.0/#", "allow"),
        ("scada-karnes.services", "spBv1.0/{site}/#", "allow"),
        ("scada-karnes.services", "#", "deny"),
        ("historian.services", "spBv1.0/STATE/karnes", "deny"),
        ("historian.services", "spBv1.0/#", "deny"),
        ("scada-karnes.devices", "spBv1.0/#", "deny"),
    ],
)
def test_sparkplug_clients_hear_what_is_their_own(name: str, topic: str, result: str) -> None:
    site = load_site(STACKS, "eagle-ford")
    asked = question(site, f"{name}.{site.domain}", "subscribe", topic)
    assert allowed(site, asked) == (result == "allow")


@pytest.mark.parametrize(
    ("spoken", "topics"),
    [
        (None, {"spBv1.0/STATE/karnes"}),
        ("[v2.2]", {"STATE/karnes"}),
        ("[v2.2, v3.0]", {"STATE/karnes", "spBv1.0/STATE/karnes"}),
    ],
)
def test_a_host_says_that_it_is_there_by_the_sparkplug_that_it_speaks(
    tmp_path: Path, spoken: str | None, topics: set[str]
) -> None:
    stacks = shutil.copytree(STACKS, tmp_path / "stacks", ignore=shutil.ignore_patterns("Pulumi.*"))
    file = stacks / "sites" / "eagle-ford.yaml"
    line = "      host_id: karnes\n"
    assert line in file.read_text()
    if spoken:
        file.write_text(file.read_text().replace(line, f"{line}      sparkplug: {spoken}\n"))
    site = load_site(stacks, "eagle-ford")
    host, other = f"scada-karnes.services.{site.domain}", f"historian.services.{site.domain}"
    for topic in ("STATE/karnes", "spBv1.0/STATE/karnes"):
        assert allowed(site, question(site, host, "publish", topic)) == (topic in topics)
        assert not allowed(site, question(site, other, "publish", topic))
    for topic in topics:
        assert allowed(site, question(site, host, "subscribe", topic))
        assert not allowed(site, question(site, other, "subscribe", topic))
    assert not allowed(site, question(site, host, "publish", "STATE/other"))


@pytest.mark.parametrize("person", [True, False])
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
    tmp_path: Path, person: bool, action: str, topic: str, result: str
) -> None:
    stacks = shutil.copytree(STACKS, tmp_path / "stacks", ignore=shutil.ignore_patterns("Pulumi.*"))
    file = stacks / "sites" / "eagle-ford.yaml"
    text = file.read_text()
    for asset, space in {"separator-runge": "field/separators", "pad-kenedy-14": "wells"}.items():
        assert f"- name: {asset}\n" in text
        text = text.replace(f"- name: {asset}\n", f"- name: {asset}\n    topic_space: {space}\n")
    file.write_text(text)
    site = load_site(stacks, "eagle-ford")
    name = "operator-1" if person else f"historian.services.{site.domain}"
    asked = question(site, name, action, topic, holder="person" if person else None)
    assert allowed(site, asked) == (result == "allow")


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
def test_only_a_host_that_the_site_names_speaks_to_devices(name: str, topic: str, result: str) -> None:
    site = load_site(STACKS, "eagle-ford")
    asked = question(site, f"{name}.services.{site.domain}", "publish", topic)
    assert allowed(site, asked) == (result == "allow")


@pytest.mark.parametrize(
    ("client_class", "result"),
    [("service", "allow"), ("gateway", "allow"), ("device", "deny"), ("mirror", "deny")],
)
def test_a_profiles_pattern_of_names_reaches_its_clients(client_class: str, result: str) -> None:
    site = load_site(STACKS, "baytown")
    name = f"laboratory-1.{client_class}s.{site.domain}"
    asked = question(site, name, "publish", "{site}/laboratory/sample")
    assert allowed(site, asked) == (result == "allow")
