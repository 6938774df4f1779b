"""What the lab's broker is told of sessions and groups is what EMQX's configuration says of them."""

from typing import Any

import pytest

from components.emqx_configuration import document
from components.recording import OFFLINE
from lab.mqtt import session_settings
from model import load_site
from tests.support.variants import STACKS

DEFAULT = {"Queue": 1000, "Window": 32, "Awaited": 100, "SessionSeconds": 7200, "StoresQoS0": True}


def settings(mqtt: dict[str, Any], zones: dict[str, Any] | None = None) -> dict[str, Any]:
    return session_settings({"mqtt": mqtt, **({"zones": zones} if zones else {})})


def test_what_is_not_said_is_as_emqx_has_it() -> None:
    found = settings({})
    assert (found["Session"], found["Zones"], found["EachSubscription"]) == (DEFAULT, {}, True)
    assert found["Shared"] == {"Strategy": "round_robin", "InitialPick": "random", "ByConnection": True}


@pytest.mark.parametrize(
    ("key", "value", "name", "told"),
    [
        ("max_mqueue_len", 262, "Queue", 262),
        ("max_mqueue_len", "infinity", "Queue", 0),
        ("max_inflight", 500, "Window", 500),
        ("max_awaiting_rel", 10_000, "Awaited", 10_000),
        ("max_awaiting_rel", "infinity", "Awaited", 0),
        ("session_expiry_interval", "1d12h", "SessionSeconds", 129_600),
        ("mqueue_store_qos0", False, "StoresQoS0", False),
    ],
)
def test_a_zone_says_what_differs_from_the_rest(key: str, value: Any, name: str, told: Any) -> None:
    assert settings({key: value})["Session"] == {**DEFAULT, name: told}
    found = settings({}, {"worker": {"mqtt": {key: value}}, "plain": {}})
    assert (found["Session"], found["Zones"]["plain"]) == (DEFAULT, DEFAULT)
    assert found["Zones"]["worker"] == {**DEFAULT, name: told}


def test_the_strategy_of_groups_is_the_configurations() -> None:
    found = settings(
        {"shared_subscription_strategy": "sticky", "shared_subscription_initial_sticky_pick": "hash_clientid"}
    )["Shared"]
    assert (found["Strategy"], found["InitialPick"]) == ("sticky", "hash_clientid")


def test_a_sites_own_configuration_is_read() -> None:
    site = load_site(STACKS, "eagle-ford")
    written: Any = document(site, OFFLINE)
    found = session_settings(written)["Session"]
    assert found["Queue"] == written["mqtt"]["max_mqueue_len"]
    assert found["Window"] == site.broker.protection.inflight
