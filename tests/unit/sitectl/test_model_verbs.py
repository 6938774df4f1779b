"""`sitectl validate`, `explain` and `sites`: for people and for machines, on good and bad data."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sitectl.main import main
from tests.unit.model.bad_sites import copy_of_stacks


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program folder of the test's own, entered."""
    (tmp_path / "Pulumi.yaml").write_text("name: iot-broker\n")
    copy_of_stacks(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def spoil(program: Path) -> None:
    file = program / "stacks" / "sites" / "eagle-ford.yaml"
    file.write_text(
        file.read_text().replace("region:", "reigon:").replace("version: 5.8.9", "version: 5.9.0")
    )


def test_valid_sites_are_named() -> None:
    result = run("validate", "eagle-ford", "baytown")
    assert (result.exit_code, result.stdout) == (0, "valid: eagle-ford, baytown\n")


def test_all_sites_are_validated_when_none_is_named() -> None:
    assert run("validate").stdout == "valid: baytown, eagle-ford, north-cormorant\n"


def test_every_mistake_is_printed_with_its_place_and_remedy(program: Path) -> None:
    spoil(program)
    result = run("validate")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "stacks/sites/eagle-ford.yaml:11: reigon: `reigon` is not a known key\n" in result.stderr
    assert "    did you mean `region`?\n" in result.stderr
    assert "the opensource edition ends at 5.8.9" in result.stderr
    assert result.stderr.endswith("3 mistakes in the site data; nothing was touched.\n")


def test_a_protected_site_is_told_the_digest_of_its_nodes(program: Path) -> None:
    file = program / "stacks" / "sites" / "eagle-ford.yaml"
    line = next(line for line in file.read_text().splitlines() if "approved:" in line)
    text = file.read_text().replace("protect: false", "protect: true")
    file.write_text(text.replace(line + "\n", "    size: 8GiB\n"))
    result = run("validate", "eagle-ford")
    assert result.exit_code == 1
    assert re.search(
        r"\nstacks/sites/eagle-ford.yaml:\d+: broker.storage.approved: is missing", result.stderr
    )
    assert f"write `{line.strip()}`" in result.stderr


def test_nodes_that_nobody_approved_are_named_where_the_approval_is(program: Path) -> None:
    file = program / "stacks" / "sites" / "eagle-ford.yaml"
    text = file.read_text().replace("broker:\n", "broker:\n  memory: 6GiB\n", 1)
    file.write_text(text)
    number = next(place for place, line in enumerate(text.splitlines(), 1) if "approved:" in line)
    result = run("validate", "eagle-ford")
    assert result.exit_code == 1
    assert f"stacks/sites/eagle-ford.yaml:{number}: broker.storage.approved: is `" in result.stderr


def edited(program: Path, *changes: tuple[str, str]) -> Path:
    file = program / "stacks" / "sites" / "eagle-ford.yaml"
    text = file.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    file.write_text(text)
    return file


ORGANIZATION = ("organization: Eagle Ford Field Operations", "organization: Eagle Ford Field Operations LLC")


def test_one_word_in_the_organization_is_refused_for_both_authorities(program: Path) -> None:
    edited(program, ORGANIZATION)
    result = run("validate", "eagle-ford")
    assert result.exit_code == 1
    for kind in ("root", "issuing"):
        assert re.search(
            rf"^stacks/sites/eagle-ford.yaml:\d+: pki.{kind}.approved: is `1-", result.stderr, re.MULTILINE
        )
    assert "write `generation: 2`, which makes a CA beside it" in result.stderr


def test_a_new_generation_may_have_another_organization_and_is_to_be_approved_later(program: Path) -> None:
    approved = 'approved: "1-'
    edited(program, ORGANIZATION, (f"    {approved}", f"    generation: 2\n    {approved}"))
    result = run("validate", "eagle-ford")
    assert result.exit_code == 0, result.stderr
    assert (
        '`pki.root.approved` names generation 1, and the data is at 2: write `approved: "2-' in result.stderr
    )


def test_a_protected_site_must_approve_its_authorities(program: Path) -> None:
    file = edited(program, ("protect: false", "protect: true"))
    file.write_text(re.sub(r"  (root|issuing):\n    approved: .*\n", "", file.read_text()))
    result = run("validate", "eagle-ford")
    assert result.exit_code == 1
    assert result.stderr.count("approved: is missing, and the site is protected") == 2


def test_the_sample_sites_say_that_they_are_not_protected_and_why(program: Path) -> None:
    for file in (program / "stacks" / "sites").glob("*.yaml"):
        assert re.search(r"^# .*\nprotect: false$", file.read_text(), re.MULTILINE), file.name
    assert re.search(r"^protect: true$", (program / "stacks" / "defaults.yaml").read_text(), re.MULTILINE)


def test_what_follows_from_the_load_is_explained_as_derived() -> None:
    lines = run("explain", "north-cormorant", "broker.cores").stdout.splitlines()
    assert lines[1].split("  ")[0] == "broker.cores"
    assert "derived from broker.load" in lines[1]
    shown = json.loads(run("explain", "north-cormorant", "broker.listeners.wss", "--json").stdout)
    (limit,) = (entry for entry in shown if entry["key"] == "broker.listeners.wss.max_connections")
    assert (limit["value"], limit["file"], limit["line"]) == ("100", None, None)


def test_what_a_file_says_is_not_explained_as_derived() -> None:
    assert "derived" not in run("explain", "eagle-ford", "broker.cores").stdout


def test_mistakes_are_data_too(program: Path) -> None:
    spoil(program)
    result = run("validate", "eagle-ford", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["valid"], found["sites"]) == (1, False, [])
    assert found["errors"][1] == {
        "file": "stacks/sites/eagle-ford.yaml",
        "line": 11,
        "key": "reigon",
        "problem": "`reigon` is not a known key",
        "remedy": "did you mean `region`?",
    }


def test_one_broken_site_does_not_stop_another(program: Path) -> None:
    spoil(program)
    assert run("validate", "baytown").exit_code == 0


def test_the_end_of_support_is_a_warning_and_no_refusal() -> None:
    late = run("validate", "north-cormorant", "--today", "2026-09-01")
    assert (late.exit_code, late.stderr.split(":")[:2]) == (0, ["warning", " north-cormorant"])
    early = run("validate", "north-cormorant", "--today", "2026-08-01", "--json")
    assert json.loads(early.stdout)["warnings"] == []


def test_a_support_that_has_ended_is_refused_until_the_site_accepts_it(program: Path) -> None:
    file = program / "stacks" / "sites" / "north-cormorant.yaml"
    late = run("validate", "north-cormorant", "--today", "2027-08-27")
    assert late.exit_code == 1
    assert "north-cormorant.yaml:" in late.stderr
    assert "broker.version: the support of EMQX enterprise 5.8.9 ended on 2027-08-27" in late.stderr
    file.write_text(
        file.read_text().replace("  version: 5.8.9\n", "  version: 5.8.9\n  unsupported_until: 2027-10-01\n")
    )
    accepted = run("validate", "north-cormorant", "--today", "2027-10-01")
    assert (accepted.exit_code, "accepted until 2027-10-01" in accepted.stderr) == (0, True)
    over = run("validate", "north-cormorant", "--today", "2027-10-02")
    assert (over.exit_code, "was accepted until 2027-10-01" in over.stderr) == (1, True)


def test_a_site_that_does_not_exist_is_refused() -> None:
    result = run("validate", "eagle-frod")
    assert result.exit_code == 1
    assert "did you mean `eagle-ford`?" in result.stderr


def test_a_value_is_explained_by_the_line_that_set_it() -> None:
    lines = run("explain", "baytown", "streams.topics.raw.share").stdout.splitlines()
    assert lines[0].split() == ["key", "value", "set", "in", "overrode"]
    key, value, place, lower_value, lower_place = lines[1].split()
    assert (key, value, lower_value) == ("streams.topics.raw.share", "70%", "50%")
    assert written_at(place) == "share: 70%"
    assert written_at(lower_place.strip("()")) == "share: 50%"


def written_at(place: str) -> str:
    """What is on the line that an explanation names."""
    file, _, line = place.rpartition(":")
    return Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1].strip()


def test_an_explanation_is_data_too() -> None:
    (found,) = json.loads(run("explain", "baytown", "streams.topics.events.retention", "--json").stdout)
    assert (found["value"], found["file"], found["removed"]) == ("31d", "stacks/sites/baytown.yaml", False)
    assert [(lower["value"], lower["file"]) for lower in found["overrode"]] == [
        ("14d", "stacks/defaults.yaml")
    ]


def test_a_whole_site_is_explained() -> None:
    keys = [entry["key"] for entry in json.loads(run("explain", "eagle-ford", "--json").stdout)]
    assert {"name", "broker.replicas", "pki.root.lifetime", "scope"} <= set(keys)
    assert len(keys) == len(set(keys))


def test_a_key_that_does_not_exist_is_answered_with_the_nearest() -> None:
    result = run("explain", "eagle-ford", "broker.replica")
    assert (result.exit_code, result.stderr) == (
        1,
        "eagle-ford has no key `broker.replica`; did you mean `broker.replicas`?\n",
    )


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("policy.autoscaling", "When more policy servers are started"),
        ("policy.autoscaling.maximum", "Most of them; the fewest are `replicas`."),
        ("streams.topics.raw.partitions", "partitions"),
        ("broker.replicants.replicas", "Replicant nodes"),
    ],
)
def test_a_key_that_nothing_sets_is_said_to_be_one(key: str, words: str) -> None:
    result = run("explain", "eagle-ford", key)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"nothing sets `{key}` of eagle-ford. It would be: ")
    assert words in result.stdout
    assert json.loads(run("explain", "eagle-ford", key, "--json").stdout) == []


@pytest.mark.parametrize("key", ["policy.autoscaling.most", "streams.topics.rawer.partitions", "a..b"])
def test_no_key_is_made_up(key: str) -> None:
    result = run("explain", "eagle-ford", key)
    assert result.exit_code == 1
    assert "has no key" in result.stderr


def test_a_broken_site_is_explained_as_far_as_it_goes(program: Path) -> None:
    spoil(program)
    result = run("explain", "eagle-ford", "broker.version")
    assert result.exit_code == 1
    assert "5.9.0" in result.stdout
    assert "ends at 5.8.9" in result.stderr


def test_the_sites_are_one_table() -> None:
    lines = run("sites").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["site", "baytown", "eagle-ford", "north-cormorant"]
    assert "enterprise 5.8.9  2027-08-27" in lines[3]


def test_the_sites_are_data_too() -> None:
    found = json.loads(run("sites", "--json").stdout)
    assert found["errors"] == []
    assert found["sites"][1]["site"] == "eagle-ford"
    assert found["sites"][1]["availability"] == "99.5%"


def test_a_broken_site_is_named_beside_the_others(program: Path) -> None:
    spoil(program)
    result = run("sites")
    assert result.exit_code == 1
    assert "baytown" in result.stdout
    assert "reigon" in result.stderr


@pytest.mark.parametrize("verb", ["validate", "explain", "sites"])
def test_help_needs_no_model(verb: str) -> None:
    program = f"import sys, sitectl.{verb} as v; v.command.main(['--help'], standalone_mode=False)"
    check = f"{program}; sys.exit('pydantic' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, check=False).returncode == 0
