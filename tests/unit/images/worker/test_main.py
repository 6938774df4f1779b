"""The program ends with 2 for settings that are wrong, and with 0 when it is asked to stop; it says events as JSON."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from images.worker import logs
from images.worker.__main__ import main
from lab.waiting import wait_until
from tests.support import worker_broker
from tests.support.mock_kafka import MockKafka

Document = Callable[..., dict[str, Any]]


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]


def test_wrong_settings_are_said_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "settings.json"
    file.write_text("{}", encoding="utf-8")

    assert main([str(file)]) == 2
    assert {"event": "settings_wrong", "error": "site: no text"}.items() <= events(capsys)[0].items()
    assert main([]) == 2


def test_it_works_until_it_is_asked_to_stop(
    tmp_path: Path, document: Document, kafka: MockKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    file = tmp_path / "settings.json"
    with worker_broker.running() as broker:
        made = document(kafka.prefix, kafka.bootstrap, mqtt={"port": broker.port})
        file.write_text(json.dumps(made), encoding="utf-8")

        def talk() -> None:
            try:
                broker.await_subscribed()
                broker.send(worker_broker.publish(b"s/pump/flow", b"41.5"))
                wait_until(lambda: bool(broker.acknowledged()), 20, "the acknowledgement")
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        talker = threading.Thread(target=talk)
        talker.start()
        try:
            assert main([str(file)]) == 0
        finally:
            talker.join()
            for number, handler in before.items():
                signal.signal(number, handler)
        assert broker.bodies(worker_broker.DISCONNECT)
    assert kafka.values("raw") == [b"41.5"]
    said = events(capsys)
    assert {"started", "mqtt_connected", "mqtt_subscribed", "stopped"} <= {line["event"] for line in said}
    assert all("41.5" not in json.dumps(line) for line in said)


def test_what_repeats_itself_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("a test's own", "a test's own", "another"):
        logs.say_seldom("happened", kind)

    assert [line["kind"] for line in events(capsys)] == ["a test's own", "another"]
