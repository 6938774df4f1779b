"""Settings of a worker, and a Kafka within the test's own process."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.support.mock_kafka import MockKafka

TOPICS = ("raw", "sparkplug", "events", "dead-letter", "audit", "metrics", "births")


@pytest.fixture(scope="session")
def mock_kafka() -> Iterator[Producer]:
    """The mock cluster's holder."""
    holder = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none", "log_level": 0})
    yield holder
    holder.flush(1)


@pytest.fixture
def kafka(mock_kafka: Producer, request: pytest.FixtureRequest) -> MockKafka:
    """A Kafka with topics of the test's own."""
    (broker,) = mock_kafka.list_topics(timeout=10).brokers.values()
    prefix = "".join(c if c.isalnum() else "_" for c in request.node.name)
    return MockKafka(mock_kafka, f"{broker.host}:{broker.port}", prefix)


@pytest.fixture
def document() -> Callable[..., dict[str, Any]]:
    """Settings, as the file has them; keys of parts may be given anew."""

    def make(prefix: str = "s", bootstrap: str = "127.0.0.1:1", **parts: dict[str, Any]) -> dict[str, Any]:
        topics = {name: {"name": f"{prefix}.{name}", "largest_record": 1_049_600} for name in TOPICS}
        made: dict[str, Any] = {
            "site": "s",
            "mqtt": {"host": "127.0.0.1", "port": 1, "client_id": "worker-0", "group": "kafka"},
            "kafka": {"bootstrap": bootstrap, "topics": topics},
            "topics": {
                "spaces": ["s"],
                "sparkplug_group": "s",
                "audit": "$kit/audit",
                "figures": "$SYS/brokers",
            },
            "assets": {"pump": "pad-12"},
        }
        for name, part in parts.items():
            made[name] = {**made.get(name, {}), **part}
        return made

    return make
