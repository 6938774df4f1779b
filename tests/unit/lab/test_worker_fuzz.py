"""Who looks for odd messages in Kafka says what is lost, doubled, changed or misplaced."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from tests.support.kafka_reader import Record
from tests.support.odd_messages import Message, messages
from tests.support.worker_bench import Bench
from tests.support.worker_fuzz import errors

SAID = Message("ef/pump-1/flow", b"41.5", place="raw", key="pump-1")
HEADERS = {"topic": SAID.topic, "qos": "1", "retain": "false"}
RIGHT = Record("ef.raw", 0, 0, b"pump-1", b"41.5", HEADERS)


@dataclass
class Found:
    """A bench with these records."""

    records: list[tuple[str, Record]] = field(default_factory=list)

    def arrived(self) -> dict[str, list[tuple[str, Record]]]:
        found = defaultdict(list)
        for place, record in self.records:
            found[record.headers["topic"]].append((place, record))
        return found


def said_of(*records: tuple[str, Record]) -> list[str]:
    return list(errors([SAID], cast(Bench, Found(list(records)))))


def test_what_is_there_as_it_was_said_is_right() -> None:
    assert said_of(("raw", RIGHT)) == []


@pytest.mark.parametrize(
    "records",
    [
        [],
        [("raw", RIGHT), ("raw", RIGHT)],
        [("raw", RIGHT), ("events", RIGHT)],
        [("dead-letter", RIGHT)],
        [("raw", replace(RIGHT, value=b"41.50"))],
        [("raw", replace(RIGHT, key=b"pump-2"))],
        [("raw", replace(RIGHT, headers={**HEADERS, "qos": "0"}))],
        [("raw", replace(RIGHT, headers={**HEADERS, "reason": "not_json"}))],
        [("raw", replace(RIGHT, headers={**HEADERS, "asset": ""}))],
        [("raw", RIGHT), ("raw", replace(RIGHT, headers={**HEADERS, "topic": "another"}))],
    ],
    ids=["lost", "doubled", "twice", "misplaced", "changed", "key", "qos", "reason", "empty", "nobody's"],
)
def test_what_is_not_is_said(records: list[tuple[str, Record]]) -> None:
    assert len(said_of(*records)) == 1


def test_the_same_seed_gives_the_same_messages_and_no_topic_twice() -> None:
    first, second = (list(messages(7, 500, ("ef",), "ef")) for _ in range(2))
    assert first == second
    assert len({message.topic for message in first}) == 500
