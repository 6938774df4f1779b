"""`sitectl recover` and `sitectl destroy` ask before they do, and say in words what they will not do."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sitectl.entry import run
from sitectl.recovery.recovering import Report, StoppedError, _mend_files
from sitectl.recovery.stack import Stack
from tests.support.shell import copy_program

SITE = "eagle-ford"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the program as the current folder, and a `pulumi` that exports `state.json` and notes each call."""
    folder = copy_program(tmp_path / "program")
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "with (folder / 'asked').open('a') as asked: asked.write(' '.join(sys.argv[1:]) + '\\n')\n"
        "if sys.argv[1:3] == ['stack', 'export']: print((folder / 'state.json').read_text())\n"
        "if sys.argv[1] == 'whoami': print((folder / 'whoami.json').read_text())\n"
    )
    pulumi.chmod(0o755)
    (tmp_path / "whoami.json").write_text(json.dumps({"url": f"file://{tmp_path}/kept"}))
    monkeypatch.setenv("PATH", str(pulumi.parent), prepend=":")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PULUMI_OPTION_CONFIG_FILE", raising=False)
    return tmp_path


def holds(program: Path, *resources: dict[str, Any], pending: int = 0) -> None:
    deployment = {"resources": list(resources), "pending_operations": [{"type": "creating"}] * pending}
    (program / "state.json").write_text(json.dumps({"version": 3, "deployment": deployment}))


def asked(program: Path) -> list[str]:
    lines = (program / "asked").read_text().splitlines()
    return [line.partition(" --stack")[0] for line in lines]


GUARD = {"urn": "urn:a::b::c::safeguard", "type": "pulumi:index:Stash", "protect": True}


def test_a_site_is_not_destroyed_without_a_yes(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holds(program, GUARD)
    assert run(["destroy", SITE]) == 1
    assert "1 resources would be deleted, 1 of them protected" in capsys.readouterr().err
    assert asked(program) == ["stack export"]


def test_with_a_yes_the_protection_goes_first(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holds(program, GUARD)
    assert run(["destroy", SITE, "--yes", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["deleted"], said["unprotected"]) == (1, 1)
    assert "pulumi stack rm eagle-ford" in [entry["how"] for entry in said["stays"]]
    assert asked(program) == ["stack export", "state unprotect --all --yes", "destroy --yes --skip-preview"]


def test_an_interrupted_site_is_recovered_first(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holds(program, GUARD, pending=2)
    assert run(["destroy", SITE, "--yes"]) == 1
    assert "sitectl recover eagle-ford" in capsys.readouterr().err
    assert asked(program) == ["stack export"]


def test_what_is_not_deployed_is_not_destroyed(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holds(program)
    assert run(["destroy", SITE, "--yes", "--json"]) == 1
    assert "nothing is deployed" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_recovery_without_settings_says_which_file(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    holds(program, GUARD)
    assert run(["recover", SITE]) == 1
    assert f"Pulumi.{SITE}.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["recover", "destroy"])
def test_a_site_that_is_not_there_is_one(
    verb: str, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([verb, "eagle-frod", "--yes"]) == 1
    assert "eagle-ford" in capsys.readouterr().err
    assert not (program / "asked").exists()


@pytest.mark.parametrize(
    ("backup", "expected"),
    [("{}", "the state stays cut off"), (None, "none that Pulumi kept beside it is whole")],
)
def test_a_state_that_was_cut_off_stays_without_a_yes(
    program: Path, backup: str | None, expected: str
) -> None:
    kept = program / "kept" / ".pulumi" / "stacks" / "iot-broker" / f"{SITE}.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{")
    if backup is not None:
        kept.with_name(f"{kept.name}.bak").write_text(backup)
    questions: list[str] = []

    def no(question: str) -> bool:
        questions.append(question)
        return False

    with pytest.raises(StoppedError, match=expected):
        _mend_files(Stack(program, SITE), "iot-broker", no, Report(SITE))
    assert [f"May {kept.name}.bak, of 20" in question for question in questions] == ([True] if backup else [])
    assert kept.read_text() == "{"


def test_a_state_that_was_cut_off_gives_way_to_its_backup(program: Path) -> None:
    kept = program / "kept" / ".pulumi" / "stacks" / "iot-broker" / f"{SITE}.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{")
    kept.with_name(f"{kept.name}.bak").write_text("{}")
    report = Report(SITE)
    _mend_files(Stack(program, SITE), "iot-broker", lambda _: True, report)
    assert kept.read_text() == "{}"
    assert [one.name for one in report.done] == [f"{kept.name}.bak"]
