"""The stand-in kubernetes plugin answers on a real API server what the official plugin answered on the wire."""

import json
from collections.abc import Callable

import pytest

from tests.lab.conformance.replay import Json, PluginProcess, Replay, load, unexplained
from tests.support.shell import Shell

VARYING = (
    # Counts up with every write to the server, by anybody.
    r".*metadata\.resourceVersion",
    # Named after a hash that the server salts.
    r".*status\.conditions\[\d\]\.message",
)


def by_owner(entry: Json) -> str:
    """The server orders owners by the second of their last write, which is chance."""
    return json.dumps(
        [entry["operation"], entry.get("subresource", ""), entry["manager"].rstrip("0123456789abcdef")]
    )


@pytest.fixture
def edited_by_hand(shell: Shell) -> Callable[[], None]:
    """What was done behind Pulumi's back before the recorded refresh."""

    def edit() -> None:
        patch = json.dumps({"data": {"a": "by-hand"}})
        shell.kubectl("-n", "iot", "patch", "configmap", "plain", "--type=merge", "-p", patch)
        shell.kubectl("-n", "iot", "delete", "service", "svc")

    return edit


def test_every_answer_is_the_official_plugins(shell: Shell, edited_by_hand: Callable[[], None]) -> None:
    recording = load("kubernetes")
    if recording is None:
        pytest.skip(
            "the recordings of the official plugins (../shared/reference/plugins) are not on this machine"
        )
    settings = {"kubeconfig": shell.administration["KUBECONFIG"], "enableServerSideApply": "true"}
    with PluginProcess("kubernetes") as plugin:
        replay = Replay(plugin, settings, varying=VARYING, order={r".*managedFields": by_owner})
        replay.run(recording, before={"5-refresh": edited_by_hand})
    assert unexplained(replay.differences, ()) == []
