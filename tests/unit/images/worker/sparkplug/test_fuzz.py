"""Whatever bytes come under whatever topic: a record in JSON of bounded size that tells all, or a reason; no error."""

import base64
import json
import random

from hypothesis import given
from hypothesis import strategies as st

from images.worker.json_text import is_json
from images.worker.sparkplug import Decoded, Decoder, KeptBirth, Unreadable
from images.worker.sparkplug.schema import Payload
from tests.support.sparkplug import (
    BYTES,
    DATASET,
    DOUBLE,
    F32,
    FLOAT,
    INT,
    LONG,
    STRING,
    TEMPLATE,
    TYPES,
    field,
    metric,
    payload,
)

KINDS = ("NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA")
ROUNDS = 10_000
LARGEST = 20_000
REASONS = {
    "sparkplug_not_protobuf",
    "sparkplug_nothing_known",
    "sparkplug_json_too_large",
    "sparkplug_nested_too_deep",
}
_INNER = field(1, "unit") + field(2, field(1, TYPES["String"]) + field(8, "°C"))
_DATA_SET = field(1, 1) + field(2, "a") + field(3, 3) + field(4, field(1, field(1, 2**32 - 1)))
# A bit of everything: what is changed in it may be anywhere.
RICH = payload(
    metric(name="bdSeq", datatype="Int64", value=(LONG, 0)),
    metric(name="level/ä", alias=1, at=2**40, datatype="Int8", value=(INT, 2**32 - 1), more=field(9, _INNER)),
    metric(name="flow", alias=2, datatype="Double", value=(DOUBLE, 0.1)),
    metric(alias=1, datatype="Float", value=(FLOAT, F32(1.5))),
    metric(alias=2, value=(STRING, "text\n"), more=field(5, 1) + field(7, 0) + field(8, field(2, "a/b"))),
    *(metric(name=kind, datatype=kind, value=(BYTES, bytes(range(8)))) for kind in TYPES if "Array" in kind),
    metric(name="set", datatype="DataSet", value=(DATASET, _DATA_SET)),
    metric(
        name="t",
        datatype="Template",
        value=(TEMPLATE, field(2, metric(name="i", datatype=3, value=(INT, 1)))),
    ),
    at=1,
    seq=0,
    more=field(4, "uuid") + field(5, b"\xff"),
)


def judge(found: Decoded | Unreadable, given_bytes: bytes) -> bool:
    """Hold what came out against what went in; return whether it is a record."""
    if isinstance(found, Unreadable):
        assert found.reason in REASONS
        return False
    assert len(found.json) <= LARGEST
    assert is_json(found.json)
    record = json.loads(found.json)
    if "original" in record:
        assert base64.b64decode(record["original"]) == given_bytes
    else:
        assert Payload.FromString(given_bytes).SerializeToString() == given_bytes
    return True


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secret


def levels(chance: random.Random) -> list[str]:
    """A topic that is mostly of Sparkplug's form, of few nodes and devices."""
    kind, node = chance.choice(KINDS), f"n{chance.randrange(3)}"
    whole = ["spBv1.0", "g", kind, node, *([f"d{chance.randrange(3)}"] if kind.startswith("D") else [])]
    return whole if chance.random() < 0.9 else whole[: chance.randrange(len(whole) + 1)]


def changed(chance: random.Random) -> bytes:
    """The payload of everything, with some bytes changed, left out, put in or doubled."""
    made = bytearray(RICH)
    for _ in range(chance.randrange(6)):
        place, length = chance.randrange(len(made) + 1), chance.randrange(9)
        part = made[place : place + length]
        how = chance.randrange(4)
        made[place : place + length] = (
            chance.randbytes(len(part)),
            b"",
            bytes(part) + chance.randbytes(length),
            bytes(part) * 2,
        )[how]
        if not made:
            break
    return bytes(made)


def test_changed_payloads_become_records_or_have_a_reason() -> None:
    chance, decoder = seeded(16), Decoder(largest=LARGEST, memory=100_000, host_id="kit")
    read = sum(
        judge(decoder.decode(levels(chance), one, again=chance.random() < 0.1), one)
        for one in (changed(chance) for _ in range(ROUNDS))
    )
    assert ROUNDS // 10 < read < ROUNDS, "both happen"


def test_random_bytes_become_records_or_have_a_reason() -> None:
    chance, decoder = seeded(17), Decoder(largest=LARGEST, memory=100_000, host_id="kit")
    read = sum(
        judge(decoder.decode(levels(chance), one), one)
        for one in (chance.randbytes(chance.randrange(40)) for _ in range(ROUNDS))
    )
    assert 0 < read < ROUNDS, "both happen"


def test_changed_births_can_be_loaded() -> None:
    chance, decoder = seeded(18), Decoder(largest=LARGEST, memory=100_000)
    for number in range(ROUNDS // 5):
        key = "/".join(levels(chance)[3:])
        value = changed(chance) if chance.random() < 0.8 else None
        decoder.births.load([KeptBirth(key, value, number, (("bdseq", chance.randbytes(2)),))])
        assert decoder.counts().bytes <= 100_000


@given(st.binary(), st.lists(st.text(), max_size=7))
def test_nothing_is_raised(given_bytes: bytes, topic: list[str]) -> None:
    judge(Decoder(largest=LARGEST, host_id="kit").decode(topic, given_bytes), given_bytes)


@given(st.lists(st.sampled_from([*KINDS, "again"]), max_size=30), st.integers(0, 2**32))
def test_what_is_counted_as_memory_is_given_back(kinds: list[str], seed: int) -> None:
    """Births and deaths in any order leave what the nodes have that are still known, and at their end nothing."""
    chance, decoder = seeded(seed), Decoder(largest=LARGEST)
    for kind in kinds:
        topic = levels(chance)
        if kind != "again" and len(topic) > 3:
            topic = ["spBv1.0", "g", kind, topic[3], *(["d1"] if kind.startswith("D") else [])]
        decoder.decode(topic, RICH, again=kind == "again")
    for number in range(3):
        decoder.decode(["spBv1.0", "g", "NBIRTH", f"n{number}"], RICH)
        decoder.decode(["spBv1.0", "g", "NDEATH", f"n{number}"], RICH)
    assert decoder.counts().bytes == decoder.counts().births == 0
