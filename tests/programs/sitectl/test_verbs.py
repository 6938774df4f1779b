"""Every verb of the parser: `--json` for answers and errors, and no traceback whatever becomes of disk and output."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from sitectl.entry import FAULT, INTERRUPTED
from sitectl.failure import ErrorDocument
from tests.support.verbs import leaves
from tests.unit.model.bad_sites import copy_of_stacks

REPOSITORY = Path(__file__).parents[3]
LONG = "x" * 300
VERBS = dict(leaves())
# What has no `--json`, and why.
WITHOUT: dict[tuple[str, ...], str] = {}
NEW = (
    *("--kind", "refinery", "--title", "Bakken", "--region", "us-north", "--domain", "bakken.field.example"),
    *("--organization", "Bakken Operations", "--edition", "opensource", "--broker-version", "5.8.9"),
    *("--time-zone", "America/Chicago", "--asset", "pad-7=Well pad 7", "--pilot", "pad-7"),
    *("--owner", "engineer:j-lund=Jo Lund", "--owner", "operator:desk=Desk", "--zone", "field=10.50.0.0/16"),
    *("--incumbent", "Old broker", "--incumbent-address", "mqtt-old.bakken.field.example"),
)
# Calls that have an answer with no server at hand. Every other verb is called with a name that is too long for a file.
CALLS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("validate",): (),
    ("sites",): (),
    ("explain",): ("eagle-ford",),
    ("render",): ("eagle-ford", "--out", "bakken"),
    ("capacity",): ("eagle-ford",),
    ("history",): ("eagle-ford",),
    ("rights",): ("eagle-ford", "vault", "deployer"),
    ("signers", "list"): (),
    ("new",): ("bakken", *NEW),
    ("lab", "status"): (),
    ("lab", "env"): (),
    ("lab", "logs"): ("vault",),
    ("lab", "down"): (),
    ("lab", "clean-demo"): (),
    # It would start servers: a wrong flag is all that is tried.
    ("lab", "demo"): ("--wrong",),
}
# With which answers the verbs above end that have one.
ANSWERED = {path: 0 for path in CALLS if path not in (("lab", "status"), ("lab", "env"), ("lab", "demo"))}


def too_long(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a call in which each name has 300 letters, and each option that must be there has its first choice."""
    words: list[str] = []
    for parameter in VERBS[path].params:
        choices = getattr(parameter.type, "choices", ())
        value = str(choices[0]) if choices else LONG
        if isinstance(parameter, click.Argument):
            words.append(value)
        elif parameter.required:
            words += [parameter.opts[0], value]
    return tuple(words)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    copy_of_stacks(folder)
    (folder / "Pulumi.yaml").write_text("name: iot-broker\n")
    return folder


@cache
def outcomes(kit: Path, how: str, *, as_json: bool = False) -> dict[tuple[str, ...], dict[str, Any]]:
    """Run every verb in one way; return what came of each."""
    calls = {path: CALLS.get(path, too_long(path)) for path in VERBS}
    flag = ("--json",) if as_json else ()
    # What one run has written is not in the way of the next.
    made = f"bakken-{how}{'-json' if as_json else ''}"
    cases = [
        {"arguments": [*path, *(word.replace("bakken", made) for word in words), *flag], "how": how}
        for path, words in calls.items()
    ]
    return dict(zip(VERBS, run(kit, cases), strict=True))


def run(kit: Path, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    servers = ("VAULT_", "KUBE", "KEYCLOAK_", "PULUMI_", "PROMETHEUS_", "KAFKA_", "IOT_BROKER_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(servers)}
    done = subprocess.run(
        (sys.executable, "-m", "tests.support.forks"),
        cwd=kit,
        env=environment
        | {"PYTHONPATH": str(REPOSITORY), "IOT_BROKER_LAB": "paper", "IOT_BROKER_CACHE": str(kit / "cache")},
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def in_words(outcome: dict[str, Any]) -> None:
    """Hold that nothing of Python is shown."""
    for sign in ("Traceback", "Exception ignored", "a fault of the kit", 'File "'):
        assert sign not in outcome["err"], outcome["err"]
        assert sign not in outcome["out"]
    assert outcome["code"] != FAULT


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_verb_has_json_or_a_reason(path: tuple[str, ...]) -> None:
    has = any("--json" in parameter.opts for parameter in VERBS[path].params)
    assert has != bool(WITHOUT.get(path))


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_with_json_stdout_is_json(kit: Path, path: tuple[str, ...]) -> None:
    outcome = outcomes(kit, "plain", as_json=True)[path]
    in_words(outcome)
    data = json.loads(outcome["out"])
    if path in ANSWERED:
        assert outcome["code"] == 0, outcome
    elif path != ("lab", "status"):
        failure = ErrorDocument.model_validate(data).error
        assert failure.exit_code == outcome["code"] != 0
        assert failure.message
        assert outcome["err"] == ""


@pytest.mark.parametrize("how", ["full", "closed", "read-only", "no-room", "interrupted"])
@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_no_verb_shows_a_traceback(kit: Path, path: tuple[str, ...], how: str) -> None:
    in_words(outcomes(kit, how)[path])


@pytest.mark.parametrize("path", [path for path in ANSWERED if path != ("lab", "logs")], ids=" ".join)
def test_a_full_output_is_a_failure_with_its_reason(kit: Path, path: tuple[str, ...]) -> None:
    outcome = outcomes(kit, "full")[path]
    assert outcome["code"] == 1
    assert "standard output: no space left on device" in outcome["err"]


@pytest.mark.parametrize(
    ("how", "reason"), [("read-only", "permission denied"), ("no-room", "file too large")]
)
@pytest.mark.parametrize("path", [("render",), ("new",)], ids=" ".join)
def test_what_cannot_be_written_is_said(kit: Path, path: tuple[str, ...], how: str, reason: str) -> None:
    outcome = outcomes(kit, how)[path]
    assert outcome["code"] == 1
    assert reason in outcome["err"]
    assert "Errno" not in outcome["err"]


def test_an_interrupt_ends_with_its_own_code(kit: Path) -> None:
    # A verb may have ended before; the others were stopped.
    codes = {outcome["code"] for outcome in outcomes(kit, "interrupted").values()}
    assert codes <= {0, 1, 2, INTERRUPTED, -2}
    assert codes & {INTERRUPTED, -2}


def test_out_on_a_file_is_refused_and_the_file_is_kept(kit: Path) -> None:
    (kit / "notes.txt").write_text("mine\n")
    call = ["render", "eagle-ford", "--out", "notes.txt"]
    for outcome in run(kit, [{"arguments": call, "how": how} for how in ("plain", "closed")]):
        in_words(outcome)
        assert outcome["code"] == 1
    assert (kit / "notes.txt").read_text() == "mine\n"
