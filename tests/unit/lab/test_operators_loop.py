"""The control loop loses no change, tries again what failed, and outlives its servers."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from lab.operators.conditions import Condition, conditions_document
from lab.operators.kubernetes import CONFIG_MAP, Change, Kind, KubernetesClient, KubernetesError, Listing
from lab.operators.loop import LONGEST_RETRY_SECONDS, Key, Queue, Retry, Watch, Worker
from lab.operators.settings import SettingsUnusable, read_settings
from lab.waiting import wait_until

ONE, TWO = Key("n", "one"), Key("n", "two")


def test_a_key_that_waits_is_taken_once() -> None:
    queue = Queue()
    queue.add(ONE)
    queue.add(ONE)
    queue.add(TWO)
    assert [queue.take(), queue.take()] == [ONE, TWO]


def test_the_earliest_time_wins() -> None:
    queue = Queue()
    queue.add(ONE, delay=60)
    queue.add(ONE)
    assert queue.take() == ONE


def test_a_queue_is_quiet_while_only_later_tries_wait() -> None:
    queue = Queue()
    queue.add(ONE, delay=60)
    queue.wait_until_quiet()


def test_what_failed_is_tried_again_later_and_later() -> None:
    queue = Queue()

    def fail(_key: Key) -> None:
        raise Retry("not now")

    worker = Worker("test", queue, fail)
    for _ in range(10):
        queue.add(ONE)
        worker.step()
    assert worker.attempts[ONE] == 10
    assert LONGEST_RETRY_SECONDS == 10.0
    assert ONE in queue._due


def test_an_unexpected_error_names_its_place_and_not_its_message(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue()

    def leak(_key: Key) -> None:
        raise ValueError("a-password")

    queue.add(ONE)
    Worker("test", queue, leak).step()
    assert "unexpected ValueError at test_operators_loop.py" in caplog.text
    assert "a-password" not in caplog.text


def test_success_forgets_earlier_failures() -> None:
    queue = Queue()
    worker = Worker("test", queue, lambda _: None, attempts={ONE: 5})
    queue.add(ONE)
    worker.step()
    assert worker.attempts == {}


def document(name: str, version: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "n", "name": name, "resourceVersion": version}}


class Api:
    """An API server that lists and then tells prepared changes; afterwards it is quiet."""

    def __init__(self, *rounds: tuple[list[dict[str, Any]], list[Change | Exception]]) -> None:
        self.rounds = list(rounds)
        self.changes: list[Change | Exception] = []

    def list(self, _kind: Kind, _namespace: str | None, _selector: str) -> Listing:
        items, self.changes = self.rounds.pop(0)
        return Listing(tuple(items), "1")

    def watch(self, *_: object) -> Iterator[Change]:
        for change in self.changes:
            if isinstance(change, Exception):
                raise change
            yield change
        threading.Event().wait()


def watched(api: Api) -> tuple[Watch, list[str]]:
    seen: list[str] = []
    watch = Watch(
        cast(KubernetesClient, api),
        CONFIG_MAP,
        None,
        "",
        lambda changed: seen.append(changed["metadata"]["name"]),
    )
    threading.Thread(target=watch.run, daemon=True).start()
    return watch, seen


def test_a_watch_keeps_what_was_listed_and_what_changed() -> None:
    api = Api(
        (
            [document("one", "1"), document("two", "1")],
            [Change("ADDED", document("three", "2")), Change("DELETED", document("one", "3"))],
        )
    )
    watch, seen = watched(api)
    wait_until(lambda: len(seen) == 4, 5, "four changes")
    assert {key.name for key in watch.objects} == {"two", "three"}
    assert watch.complete.is_set()


def test_what_was_deleted_while_a_watch_was_broken_is_told_too() -> None:
    api = Api(
        ([document("one", "1")], [KubernetesError(410, "Expired", "too old resource version")]),
        ([document("two", "5")], []),
    )
    watch, seen = watched(api)
    wait_until(lambda: seen == ["one", "one", "two"], 5, "the deletion")
    assert {key.name for key in watch.objects} == {"two"}


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    before = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert conditions_document([Condition("Ready", "True")], before, now) == before
    (changed,) = conditions_document([Condition("Ready", "False", "KafkaError", "no")], before, now)
    assert changed["lastTransitionTime"] == "2026-11-23T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "problem"),
    [(None, "No such file"), ("{", "is not JSON"), (json.dumps({"caFile": "x"}), "lacks kafka")],
)
def test_settings_that_cannot_be_used_say_why(tmp_path: Path, text: str | None, problem: str) -> None:
    file = tmp_path / "settings.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsUnusable, match=problem):
        read_settings(file)
