"""Check and Diff of the stand-in kubernetes plugin answer what the official plugin answered on the wire."""

import pytest

from tests.lab.conformance.replay import PluginProcess, Replay, load, unexplained


def test_check_and_diff_answer_as_the_official_plugin_did() -> None:
    recording = load("kubernetes")
    if recording is None:
        pytest.skip(
            "the recordings of the official plugins (../shared/reference/plugins) are not on this machine"
        )
    with PluginProcess("kubernetes") as plugin:
        replay = Replay(plugin)
        replay.run_offline(recording)
    assert unexplained(replay.differences, ()) == []
    assert len([exchange for exchange in recording if exchange.method in ("Check", "Diff")]) > 100
