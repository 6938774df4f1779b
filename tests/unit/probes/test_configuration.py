"""What the program makes of an EMQX resource and of the operator's events; against real servers: tests/lab."""

import os
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from components.broker_configuration import PROGRAM
from probes.configuration import ANNOTATION, Look, NotThere, Refused, failure, missing, wait

MARK = "0123456789abcdef"
CHANGED = "2026-11-26T10:00:00Z"
REFUSAL = "failed to put API https://x/api/v5/configs?mode=replace, status : 400 Bad Request, body: {}"
ARGUMENTS = {
    "api-version": "apps.emqx.io/v2beta1",
    "namespace": "iot-field",
    "name": "broker",
    "mark": MARK,
    "cores": "3",
    "account": "/nowhere",
    "within": "1",
    "pause": "0.2",
}
RESOURCE: dict[str, Any] = {
    "metadata": {
        "uid": "u",
        # Operator 2.2 writes it anew, in an order of its own.
        "annotations": {ANNOTATION: f'{{rule_engine:{{rules:{{configuration:{{description:"{MARK}"}}}}}}}}'},
        "managedFields": [
            {"fieldsV1": {"f:spec": {}}, "time": CHANGED},
            {"fieldsV1": {"f:metadata": {}}, "time": "2026-11-26T12:00:00Z"},
        ],
    },
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}],
        "coreNodesStatus": {"currentRevision": "a", "updateRevision": "a", "readyReplicas": 3},
        "replicantNodesStatus": {"readyReplicas": 2},
    },
}


def event(seen: str = CHANGED, **changed: Any) -> dict[str, Any]:
    about = {"involvedObject": {"uid": "u"}, "reason": "ReconcilerFailed", "message": REFUSAL}
    return about | {"lastTimestamp": seen} | changed


def test_a_broker_that_took_its_configuration_and_is_ready_lacks_nothing() -> None:
    assert missing(RESOURCE, MARK, 3, 2) == []
    # While more are started than were asked for, or others of an earlier template are still there.
    assert missing(RESOURCE, MARK, 2, 0) == []


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("metadata.annotations", {ANNOTATION: "another"}, f"has not taken the configuration {MARK}"),
        ("metadata.annotations", None, f"has not taken the configuration {MARK}"),
        ("status.conditions", [{"type": "Ready", "status": "False", "message": "on its way"}], "on its way"),
        ("status.conditions", [], "not Ready"),
        ("status.coreNodesStatus.updateRevision", "b", "core nodes of an earlier revision (a)"),
        ("status.coreNodesStatus.readyReplicas", 1, "1 of 3 core nodes are ready"),
        ("status.coreNodesStatus.readyReplicas", None, "0 of 3 core nodes are ready"),
        ("status.replicantNodesStatus", {}, "0 of 2 replicants are ready"),
    ],
)
def test_what_is_missing_is_named(path: str, value: Any, words: str) -> None:
    resource = deepcopy(RESOURCE)
    *above, last = path.split(".")
    place = resource
    for step in above:
        place = place[step]
    place[last] = value
    (found,) = missing(resource, MARK, 3, 2)
    assert words in found


def test_the_operators_newest_words_since_the_change_count_and_no_others() -> None:
    earlier = event("2026-11-26T09:59:59Z", message="of the configuration before")
    assert failure(RESOURCE, [earlier]) is None
    assert failure(RESOURCE, [event(reason="WontUpdateReadOnlyConfig")]) is None
    assert failure(RESOURCE, [event(involvedObject={"uid": "of a broker before"})]) is None
    later = event("2026-11-26T10:00:05Z", message="newest")
    assert failure(RESOURCE, [earlier, later, event()]) == "newest"
    series = event(
        lastTimestamp=None, series={"lastObservedTime": "2026-11-26T10:00:09.123456Z"}, message="series"
    )
    assert failure(RESOURCE, [later, series]) == "series"


class Clock:
    """A time that passes with each rest alone."""

    def __init__(self) -> None:
        self.time = 0.0
        self.said: list[str] = []

    def wait(self, looks: Iterator[Look | NotThere], within: float = 100) -> float:
        def ask() -> Look:
            found = next(looks)
            if isinstance(found, NotThere):
                raise found
            return found

        return wait(ask, within, 2, self.said.append, lambda: self.time, self.rest)

    def rest(self, seconds: float) -> None:
        self.time += seconds


WELL, ODD = Look((), None), Look(("something",), None)


def test_it_is_well_when_it_was_well_twice_in_a_row() -> None:
    clock = Clock()
    assert clock.wait(iter([ODD, ODD, WELL, ODD, NotThere("away"), WELL, WELL])) == 12
    assert clock.said == ["waiting: something", "waiting: away"]


def test_a_refusal_of_the_brokers_own_is_not_waited_for() -> None:
    clock, refused = Clock(), Look(("not taken",), REFUSAL)
    with pytest.raises(Refused, match=r"not taken; the operator says: failed to put API .* 400 Bad Request"):
        clock.wait(iter([refused, ODD, refused, refused]))
    assert clock.time == 6


def test_trouble_that_may_pass_is_waited_for_and_then_named() -> None:
    away = Look(("not taken",), "failed to put API https://x: connection refused")
    clock = Clock()
    with pytest.raises(
        NotThere, match=r"not within 10 s: not taken; the operator says: .* connection refused"
    ):
        clock.wait(iter([away] * 99), within=10)
    assert clock.said == [f"waiting: not taken; the operator says: {away.said}"]


def run(environment: dict[str, str], **changed: str) -> subprocess.CompletedProcess[str]:
    said = ARGUMENTS | {name.replace("_", "-"): value for name, value in changed.items()}
    line = [sys.executable, str(PROGRAM), *(f"--{name}={value}" for name, value in said.items())]
    return subprocess.run(
        line, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )


HERE = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}


def test_a_wrong_call_says_what_is_wrong() -> None:
    assert "'soon' is no number of seconds" in run(HERE, within="soon").stderr
    without = run({})
    assert (without.returncode, "KUBERNETES_SERVICE_HOST" in without.stderr) == (2, True)
    assert "Traceback" not in without.stderr


def test_a_server_that_is_away_is_waited_for_and_named() -> None:
    done = run(HERE)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1].startswith(
        "not within 1 s: the API server does not answer at 127.0.0.1:1"
    )


def test_the_program_stands_alone() -> None:
    text = Path(PROGRAM).read_text()
    assert not [name for name in ("components", "model", "lab", "sitectl", "paho") if f"from {name}" in text]
