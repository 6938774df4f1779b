"""Data gets names and datatypes from births; gaps, lost births and what memory does not hold are counted."""

import itertools
import json
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from images.worker.sparkplug import Decoded, Decoder, KeptBirth, Unreadable
from tests.support.sparkplug import INT, LONG, death, metric, node_birth, payload

NAMES = (
    metric(name="level", alias=1, datatype="Int8"),
    metric(name="flow", alias=2, datatype="UInt64"),
)
DEVICE = payload(*NAMES, seq=1)
OTHER = payload(metric(name="other", alias=1, datatype="Int32"), seq=1)
SESSION = (("bdseq", b"0"),)


def data(seq: int | None, *aliases: int) -> bytes:
    return payload(*(metric(alias=alias, value=(INT, 255)) for alias in aliases), seq=seq)


@dataclass
class Site:
    """A decoder, whose clock goes a second on with each message."""

    decoder: Decoder = field(default_factory=lambda: Decoder(largest=2**20))
    seconds: float = 1000.0

    def __post_init__(self) -> None:
        self.decoder._clock = lambda: self.seconds

    def say(self, kind: str, where: str, given: bytes, *, again: bool = False) -> Decoded:
        self.seconds += 1
        found = self.decoder.decode(["spBv1.0", "g", kind, *where.split("/")], given, again=again)
        assert isinstance(found, Decoded)
        return found

    def names(self, kind: str, where: str, given: bytes) -> list[object]:
        return [one.get("name") for one in self.record(kind, where, given)["metrics"]]

    def record(self, kind: str, where: str, given: bytes) -> dict[str, Any]:
        return dict(json.loads(self.say(kind, where, given).json))

    def count(self, name: str) -> int:
        return int(getattr(self.decoder.counts(), name))


@pytest.fixture
def site() -> Site:
    """A site with a node and its device, both born; the next number is 2."""
    made = Site()
    made.say("NBIRTH", "n", node_birth(0, *NAMES))
    made.say("DBIRTH", "n/d", DEVICE)
    return made


def test_data_by_alias_gets_its_name_and_datatype_from_its_birth(site: Site) -> None:
    assert site.record("DDATA", "n/d", data(2, 1, 2))["metrics"] == [
        {"name": "level", "alias": 1, "datatype": "Int8", "value": -1},
        {"name": "flow", "alias": 2, "datatype": "UInt64", "value": 255},
    ]
    assert site.names("NDATA", "n", data(3, 2)) == ["flow"]


def test_data_by_name_gets_its_datatype_from_its_birth(site: Site) -> None:
    by_name = payload(metric(name="level", value=(INT, 255)), seq=2)
    assert site.record("DDATA", "n/d", by_name)["metrics"] == [
        {"name": "level", "datatype": "Int8", "value": -1}
    ]


def test_what_data_says_itself_is_not_overruled(site: Site) -> None:
    own = payload(metric(name="own", alias=1, datatype="UInt8", value=(INT, 255)), seq=2)
    assert site.record("DDATA", "n/d", own)["metrics"] == [
        {"name": "own", "alias": 1, "datatype": "UInt8", "value": 255}
    ]
    by_alias = payload(metric(alias=1, datatype="UInt8", value=(INT, 255)), seq=3)
    assert site.record("DDATA", "n/d", by_alias)["metrics"] == [
        {"name": "level", "alias": 1, "datatype": "UInt8", "value": 255}
    ]


def test_an_alias_that_no_birth_names_is_counted_and_written_without_a_name(site: Site) -> None:
    assert site.names("DDATA", "n/d", data(2, 1, 77)) == ["level", None]
    assert site.count("nameless") == 1


def test_a_birth_that_is_no_utf_8_gives_its_name_all_the_same() -> None:
    site = Site()
    site.say("NBIRTH", "n", node_birth(0, metric(name=b"caf\xe9", alias=1, datatype="Int8")))
    assert site.names("NDATA", "n", data(1, 1)) == [{"base64": "Y2Fm6Q=="}]


def test_births_are_kept_as_they_came() -> None:
    site = Site()
    born = site.say("NBIRTH", "n", node_birth(0, *NAMES))
    assert born.births == (KeptBirth("n", node_birth(0, *NAMES), 1_001_000, SESSION),)
    assert site.say("DBIRTH", "n/d", DEVICE).births == (KeptBirth("n/d", DEVICE, 1_002_000, SESSION),)
    assert site.say("DDATA", "n/d", data(2, 1)).births == ()


def test_a_death_of_the_session_ends_the_births_of_a_node_and_its_devices(site: Site) -> None:
    site.say("DDATA", "n/unborn", data(2, 1))
    kept = site.say("NDEATH", "n", death(0)).births
    assert kept == (KeptBirth("n", None, 1_004_000, SESSION), KeptBirth("n/d", None, 1_004_000, SESSION))
    assert site.count("births") == 0
    assert site.count("bytes") == 0


@pytest.mark.parametrize("told", [death(7), payload(seq=1), b""])
def test_a_death_of_another_session_ends_nothing(site: Site, told: bytes) -> None:
    assert site.say("NDEATH", "n", told).births == ()
    assert site.names("DDATA", "n/d", data(2, 1)) == ["level"]
    assert site.count("sequence_gaps") == 0


def test_a_devices_death_ends_its_birth_alone(site: Site) -> None:
    assert site.say("DDEATH", "n/d", payload(seq=2)).births == (KeptBirth("n/d", None, 1_003_000, SESSION),)
    assert site.names("DDATA", "n/d", data(3, 1)) == [None]
    assert site.names("NDATA", "n", data(4, 1)) == ["level"]


def test_devices_are_born_again_after_their_node(site: Site) -> None:
    """Aliases of the session before may mean something else now."""
    site.say("NBIRTH", "n", node_birth(1, *NAMES))
    assert site.names("DDATA", "n/d", data(1, 1)) == [None]
    assert site.count("lost_births") == 1


def test_numbers_that_follow_are_no_gap_also_over_255(site: Site) -> None:
    for number in range(2, 600):
        site.say("DDATA", "n/d", data(number % 256, 1))
    assert site.count("sequence_gaps") == 0


def test_a_missed_message_is_one_gap_of_its_node(site: Site) -> None:
    site.say("DDATA", "n/d", data(3, 1))
    site.say("NDATA", "n", data(4, 1))
    site.say("NBIRTH", "m", node_birth(0))
    site.say("NDATA", "m", data(1, 1))
    assert site.count("sequence_gaps") == 1


def test_names_from_before_a_gap_say_so_until_the_next_birth(site: Site) -> None:
    assert "after_gap" not in site.record("DDATA", "n/d", data(2, 1))
    assert site.record("DDATA", "n/d", data(4, 1))["after_gap"] is True
    site.say("NBIRTH", "n", node_birth(0, *NAMES))
    assert "after_gap" not in site.record("NDATA", "n", data(1, 1))


def test_a_message_that_comes_twice_is_no_gap(site: Site) -> None:
    for number in (2, 3):
        site.say("DDATA", "n/d", data(number, 1))
    site.say("DDATA", "n/d", data(3, 1))
    # Behind a connection that was lost, the broker sends again what was not acknowledged.
    for number in (2, 3):
        site.say("DDATA", "n/d", data(number, 1), again=True)
    site.say("DDATA", "n/d", data(4, 1))
    assert site.count("sequence_gaps") == 0


def test_a_birth_that_comes_again_leaves_the_devices_that_were_born_since(site: Site) -> None:
    again = site.say("NBIRTH", "n", node_birth(0, *NAMES), again=True)
    assert again.births == (KeptBirth("n", node_birth(0, *NAMES), 1_001_000, SESSION),), "kept once more"
    assert site.names("DDATA", "n/d", data(2, 1)) == ["level"]
    assert site.count("sequence_gaps") == 0


def test_data_without_a_number_is_neither_gap_nor_follower(site: Site) -> None:
    site.say("DDATA", "n/d", data(None, 1))
    site.say("DDATA", "n/d", data(2, 1))
    assert site.count("sequence_gaps") == 0


def test_a_lost_birth_counts_once_for_each_node_and_device() -> None:
    site = Site()
    for number in range(3):
        assert site.names("DDATA", "n/d", data(number, 1)) == [None]
    assert site.count("lost_births") == 2
    site.say("NBIRTH", "n", node_birth(0))
    site.say("DDATA", "n/d", data(1, 1))
    assert site.count("lost_births") == 3


@pytest.mark.parametrize(
    "topic", ["spBv1.0/g/NDATA/n/d", "spBv1.0/g/DDATA/n", "spBv1.0/g/NDEATH/n/d", "spBv1.0/g/NCMD/n", "x", ""]
)
def test_a_topic_of_another_form_is_data_of_nobody(site: Site, topic: str) -> None:
    before = site.decoder.counts()
    assert isinstance(site.decoder.decode(topic.split("/"), death(0)), Decoded)
    assert site.decoder.counts() == before


def kept_of(*messages: tuple[str, str, bytes]) -> list[KeptBirth]:
    """What another worker keeps of these messages, beginning at second 1001."""
    other = Site()
    return list(itertools.chain.from_iterable(other.say(*message).births for message in messages))


BORN = (("NBIRTH", "n", node_birth(0, *NAMES)), ("DBIRTH", "n/d", DEVICE))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_worker_that_starts_later_knows_the_names(order: tuple[int, ...]) -> None:
    """Keys may be in different partitions, so that a device may be read before its node."""
    site, kept = Site(), kept_of(*BORN)
    site.decoder.births.load(kept[place] for place in order)
    assert site.names("DDATA", "n/d", data(99, 1)) == ["level"]
    assert site.names("NDATA", "n", data(100, 2)) == ["flow"]
    assert site.count("lost_births") == site.count("sequence_gaps") == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_devices_birth_from_before_its_nodes_is_not_taken(order: tuple[int, ...]) -> None:
    site = Site()
    device, node = kept_of(BORN[1], ("NBIRTH", "n", node_birth(1)))
    site.decoder.births.load([(device, node)[place] for place in order])
    assert site.names("DDATA", "n/d", data(1, 1)) == [None]


def test_a_birth_that_another_worker_heard_is_taken(site: Site) -> None:
    newer = KeptBirth("n/d", OTHER, 2_000_000)
    site.decoder.births.load([newer])
    assert site.names("DDATA", "n/d", data(2, 1)) == ["other"]


def test_a_node_that_spoke_elsewhere_has_no_gap_here(site: Site) -> None:
    site.decoder.births.load([KeptBirth("n", node_birth(1, *NAMES), 2_000_000)])
    site.say("NDATA", "n", data(57, 1))
    assert site.count("sequence_gaps") == 0


def test_a_birth_that_is_read_while_its_node_speaks_leaves_its_numbers() -> None:
    site = Site()
    site.say("NDATA", "n", data(7, 1))
    site.decoder.births.load(kept_of(*BORN))
    assert site.names("NDATA", "n", data(9, 1)) == ["level"]
    assert site.count("sequence_gaps") == 1


def test_what_is_older_than_what_is_known_changes_nothing(site: Site) -> None:
    older = [
        KeptBirth("n", node_birth(9), 1_000_000),
        KeptBirth("n", node_birth(9), 1_001_000),
        KeptBirth("n", None, 1_000_000, SESSION),
        KeptBirth("n/d", OTHER, 1_000_500),
        KeptBirth("n/d", None, 1_001_500),
    ]
    site.decoder.births.load(older)
    assert site.names("DDATA", "n/d", data(2, 1)) == ["level"]
    assert site.names("NDATA", "n", data(3, 1)) == ["level"]
    assert site.count("sequence_gaps") == 0


def test_its_own_births_come_back_and_change_nothing(site: Site) -> None:
    site.decoder.births.load([KeptBirth("n", node_birth(0, *NAMES), 1_001_007), *kept_of(*BORN)])
    assert site.names("DDATA", "n/d", data(4, 1)) == ["level"]
    assert site.count("sequence_gaps") == 1, "it still knows that 3 should have come"


def test_a_tombstone_of_another_worker_ends_its_session_and_no_other(site: Site) -> None:
    site.decoder.births.load([KeptBirth("n", None, 2_000_000, (("bdseq", b"7"),))])
    assert site.count("births") == 2
    site.decoder.births.load([KeptBirth("n/d", None, 2_000_000, SESSION)])
    assert site.count("births") == 1
    site.decoder.births.load([KeptBirth("n", None, 2_000_000, SESSION)])
    assert site.count("births") == site.count("bytes") == 0


@pytest.mark.parametrize(
    "record",
    [
        KeptBirth("n", b"\xff", 2_000_000),
        KeptBirth("", None, 2_000_000),
        KeptBirth("/", None, 2_000_000),
        KeptBirth("n", None, 2_000_000, (("bdseq", b"9" * 10_000),)),
        KeptBirth("n", None, 2_000_000, (("bdseq", b"\xff"),)),
    ],
)
def test_a_record_that_no_worker_wrote_changes_nothing(site: Site, record: KeptBirth) -> None:
    site.decoder.births.load([record])
    assert site.names("DDATA", "n/d", data(2, 1)) == ["level"]


MANY = [
    metric(name=f"area/pump/{number:04}/level", alias=number, datatype="Double") for number in range(1000)
]
SHARE = 500_000


def test_who_was_silent_longest_is_forgotten_and_counted() -> None:
    site = Site(Decoder(largest=2**20, memory=10 * SHARE))
    for number in range(30):
        site.say("NBIRTH", f"n{number}", node_birth(0, *MANY))
        if number:
            site.say("NDATA", "n0", data(number, 1))
    known = site.count("births")
    assert site.count("given_up") == 30 - known
    assert 5 <= known < 30
    assert site.count("bytes") <= 10 * SHARE
    assert site.names("NDATA", "n29", data(1, 1)) == ["area/pump/0001/level"]
    assert site.names("NDATA", "n0", data(30, 1)) == ["area/pump/0001/level"], "it spoke all the time"
    assert site.names("NDATA", "n1", data(1, 1)) == [None]


@pytest.mark.parametrize(
    "much",
    [
        lambda site: site.say("NBIRTH", "big", node_birth(0, *(metric(name="x" * 9000, alias=1),) * 600)),
        lambda site: [site.say("DDATA", f"big/{number}", data(number % 256, 1)) for number in range(5000)],
    ],
    ids=["names", "devices"],
)
def test_one_node_cannot_push_all_others_out(much: Callable[[Site], object]) -> None:
    site = Site(Decoder(largest=2**20, memory=3_000_000))
    site.decoder._largest = 2**30
    for number in range(4):
        site.say("NBIRTH", f"n{number}", node_birth(0, *MANY[:200]))
    much(site)
    assert site.count("given_up")
    assert site.count("births") >= 4
    for number in range(4):
        assert site.names("NDATA", f"n{number}", data(1, 1)) == ["area/pump/0001/level"]


@pytest.mark.parametrize(
    "name",
    [lambda number: f"m{number}", lambda number: f"{'ä😀' * 50}{number}", lambda number: f"{number}" * 50],
)
def test_no_more_memory_is_taken_than_is_counted(name: Callable[[int], str]) -> None:
    site = Site(Decoder(largest=2**24))
    births = [
        node_birth(
            0, *(metric(name=name(number), alias=number + 10**12, datatype="Int8") for number in range(2000))
        )
        for _ in range(5)
    ]
    site.say("NBIRTH", "before", node_birth(0))
    tracemalloc.start()
    try:
        for number, birth in enumerate(births):
            site.decoder.births.load([KeptBirth(f"n{number}", birth, 1)])
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= site.count("bytes") < 3 * taken


def test_long_names_of_devices_are_counted_as_memory() -> None:
    site = Site(Decoder(largest=2**20, memory=2**20))
    tracemalloc.start()
    try:
        for number in range(200):
            site.say("DDATA", f"n/{'x' * 50_000}{number}", data(number, 1))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2**20
    assert site.count("given_up")


def test_a_clock_that_is_set_back_makes_no_birth_older_than_what_it_follows(site: Site) -> None:
    """Who reads the topic of births knows by their times which is the later one."""
    site.seconds = 1
    messages = (
        ("DBIRTH", "n/d", OTHER),
        ("DDEATH", "n/d", payload(seq=2)),
        ("NBIRTH", "n", node_birth(1)),
        ("DBIRTH", "n/d", OTHER),
        ("NDEATH", "n", death(1)),
    )
    # The fixture's two births were received at 1,001,000 and 1,002,000.
    times = [[one.received for one in site.say(*message).births] for message in messages]
    assert times == [[1_002_001], [1_002_002], [1_001_001], [1_001_002], [1_001_003] * 2]


def test_births_may_be_read_while_messages_are_decoded() -> None:
    site, done = Site(), threading.Event()

    def loads() -> None:
        for number in itertools.count():
            if done.is_set():
                break
            site.decoder.births.load(
                [KeptBirth(f"n{number % 9}", node_birth(number, *NAMES), 10**9 + number)]
            )

    reader = threading.Thread(target=loads)
    reader.start()
    try:
        for number in range(5000):
            found = site.decoder.decode(["spBv1.0", "g", "NDATA", f"n{number % 9}"], data(number % 256, 1))
            assert not isinstance(found, Unreadable)
    finally:
        done.set()
        reader.join()
    assert site.count("births") <= 9


def test_a_64_bit_session_is_told_apart() -> None:
    site = Site()
    site.say("NBIRTH", "n", payload(metric(name="bdSeq", value=(LONG, 2**64 - 1)), seq=0))
    assert site.say("NDEATH", "n", death(2**64 - 2)).births == ()
    assert len(site.say("NDEATH", "n", death(2**64 - 1)).births) == 1
