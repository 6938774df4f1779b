"""What EMQX is told for the workers' sake is valid in both editions, and nothing of it is written without workers."""

from typing import Any

import pytest

from model.emqx.configuration import ForcedShutdown, Mqtt, Zone, ZoneMqtt
from model.emqx.integration import Republication, Republish, Rule, RuleEngine
from model.emqx.section import values
from model.units import Bytes, Duration
from tests.support.emqx_schema import EmqxSchema
from tests.support.variants import EDITIONS

ZONE = Zone(
    mqtt=ZoneMqtt(
        max_inflight=500,
        max_mqueue_len=32_768,
        max_awaiting_rel=100,
        session_expiry_interval=Duration(7200),
    ),
    force_shutdown=ForcedShutdown(max_mailbox_size=6000, max_heap_size=Bytes(32 * 2**20)),
)
MQTT = Mqtt(
    strict_mode=False,
    max_packet_size=Bytes(2**20),
    max_inflight=32,
    max_mqueue_len=1000,
    max_awaiting_rel=100,
    max_subscriptions=1000,
    shared_subscription_strategy="sticky",
)
RULES = RuleEngine(
    rules={
        "audit_connected": Rule(
            sql='SELECT json_encode(map_new()) as entry FROM "$events/client_connected"',
            actions=(
                Republish(
                    args=Republication(
                        topic="$kit/audit/connected",
                        qos=1,
                        retain=False,
                        payload="${entry}",
                        user_properties=None,
                    )
                ),
            ),
            description="Who connected: to the workers",
        )
    }
)


def document() -> dict[str, Any]:
    return {"mqtt": values(MQTT), "zones": {"worker": values(ZONE)}, "rule_engine": values(RULES)}


@pytest.mark.parametrize("edition", EDITIONS)
def test_zone_strategy_and_republished_events_are_valid(edition: str) -> None:
    assert EmqxSchema.load(edition).problems(document()) == []


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("zones.worker.mqtt.max_mqueue_len", -1),
        ("zones.worker.mqtt.mqueue_store_qos0", "yes"),
        ("zones.worker.mqtt.session_expiry_interval", "two hours"),
        ("zones.worker.mqtt.max_mqueue_length", 1),
        ("zones.worker.listeners", {}),
        ("zones.worker.force_shutdown.max_heap_size", "32 MB"),
        ("mqtt.shared_subscription_strategy", "by_client"),
    ],
)
def test_what_does_not_fit_is_found(edition: str, path: str, value: Any) -> None:
    wrong = document()
    *above, last = path.split(".")
    place = wrong
    for step in above:
        place = place[step]
    place[last] = value
    assert [problem for problem in EmqxSchema.load(edition).problems(wrong) if problem.startswith(path)]


def test_what_is_published_at_qos_0_waits_for_a_worker_as_well() -> None:
    zone: Any = values(ZONE)
    assert zone["mqtt"]["mqueue_store_qos0"] is True


def test_nothing_is_said_of_shared_subscriptions_unless_asked() -> None:
    assert "shared_subscription_strategy" not in values(
        MQTT.model_copy(update={"shared_subscription_strategy": None})
    )
