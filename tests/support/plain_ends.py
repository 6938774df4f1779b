"""The two halves of a worker by themselves, to measure it by: a subscriber that throws away, and a producer.

`python -m tests.support.plain_ends HALF SETTINGS` runs one in a process of its own, and prints what it cost as JSON.
"""

import json
import sys
import threading
import time
from typing import Any

from confluent_kafka import Producer
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties

from lab.ports import HOST

READY = "ready"


def main() -> int:
    """Run the half that is named; returns 0."""
    half, told = sys.argv[1], json.loads(sys.argv[2])
    cost = {"subscribe": subscribe, "produce": produce}[half](told)
    print(json.dumps(cost), flush=True)  # noqa: T201 - whoever started it reads it
    return 0


def subscribe(told: dict[str, Any]) -> dict[str, float]:
    """Read `count` messages of QoS 1 and throw them away; the cost counts from the first."""
    done, left = threading.Event(), told["count"]
    began: list[tuple[float, float]] = []

    def received(*_: object) -> None:
        nonlocal left
        if not began:
            began.append(_now())
        left -= 1
        if not left:
            done.set()

    client = Client(CallbackAPIVersion.VERSION2, "plain", protocol=MQTTProtocolVersion.MQTTv5)
    client.tls_set(told["authority"], told["certificate"], told["key"])
    client.on_message = received

    def connected(*_: object) -> None:
        client.subscribe(told["filter"], 1)

    client.on_connect = connected
    client.on_subscribe = lambda *_: print(READY, flush=True)  # noqa: T201
    client.connect(HOST, told["port"], clean_start=True, properties=Properties(1))  # type: ignore[no-untyped-call]
    client.loop_start()
    done.wait(told["seconds"])
    cost = _cost(began[0])
    client.disconnect()
    client.loop_stop()
    return cost


def produce(told: dict[str, Any]) -> dict[str, float]:
    """Write `count` records with a key and headers, and wait until Kafka has acknowledged the last."""
    producer = Producer(
        {
            **told["kafka"],
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    producer.list_topics(told["topic"], timeout=10.0)
    content, failed = told["payload"].encode(), []

    def reported(error: object, _message: object) -> None:
        if error is not None:
            failed.append(error)

    headers = [(name, value.encode()) for name, value in told["headers"].items()]
    began = _now()
    for _ in range(told["count"]):
        producer.produce(told["topic"], content, told["key"], headers=headers, on_delivery=reported)
        producer.poll(0)
    assert producer.flush(told["seconds"]) == 0, "Kafka did not take everything"
    assert not failed, failed[:3]
    return _cost(began)


def _now() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def _cost(began: tuple[float, float]) -> dict[str, float]:
    wall, processor = _now()
    return {"wall": wall - began[0], "cpu": processor - began[1]}


if __name__ == "__main__":
    sys.exit(main())
