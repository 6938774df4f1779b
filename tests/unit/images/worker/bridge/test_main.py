"""The command: what it refuses, and how it ends the sessions."""

import json
from pathlib import Path

import pytest

from images.worker.bridge import __main__ as command
from lab.ports import free_ports


def test_wrong_settings_are_said_with_every_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "settings.json"
    file.write_text("{}")
    assert command.main([str(file)]) == 2
    said = capsys.readouterr().err
    assert "direction: neither ingress nor egress" in said
    assert "broker.host: no text" in said


def test_a_session_that_could_not_be_ended_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "END_SECONDS", 0.5)
    end = {"host": "127.0.0.1", "port": free_ports(("none",))["none"], "client_id": "bridge"}
    document = {
        "site": "site",
        "direction": "ingress",
        "broker": end,
        "incumbent": end,
        "topics": {"all": {"theirs": "a", "ours": "b"}},
    }
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(document))
    assert command.main([str(file), "--end"]) == 1
