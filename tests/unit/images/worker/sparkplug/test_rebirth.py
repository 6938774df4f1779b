"""A node whose births are not known, or that was missed, is asked for them: by the named host's right, and seldom."""

from dataclasses import dataclass, field

import pytest

from images.worker.sparkplug import Decoded, Decoder, Rebirth
from images.worker.sparkplug.rebirth import BURST, PER_SECOND, Rebirths, command
from tests.support.sparkplug import INT, metric, node_birth, payload

DATA = payload(metric(alias=1, value=(INT, 1)), seq=5)
# A time of 2001, and then: metric (name, time, datatype Boolean, value true).
COMMAND = (
    "0880a094a58d1d" + "1221" + "0a14" + b"Node Control/Rebirth".hex() + "1880a094a58d1d" + "200b" + "7001"
)


@dataclass
class Host:
    """A decoder with a clock that is set by hand."""

    host_id: str | None = "kit"
    seconds: float = 1_000_000_000.0
    decoder: Decoder = field(init=False)

    def __post_init__(self) -> None:
        self.decoder = Decoder(
            largest=2**20, host_id=self.host_id, rebirth_seconds=60, clock=lambda: self.seconds
        )

    def asks(self, kind: str, where: str, given: bytes) -> Rebirth | None:
        found = self.decoder.decode(["spBv1.0", "g", kind, *where.split("/")], given)
        assert isinstance(found, Decoded)
        return found.rebirth


def test_the_command_is_what_the_standard_says() -> None:
    assert command(1_000_000_000_000).hex() == COMMAND


def test_a_node_without_a_birth_is_asked_once_in_an_interval() -> None:
    host = Host()
    assert host.asks("NDATA", "n", DATA) == Rebirth("spBv1.0/g/NCMD/n", bytes.fromhex(COMMAND))
    host.seconds += 59
    assert host.asks("NDATA", "n", DATA) is None
    host.seconds += 1
    assert host.asks("NDATA", "n", DATA) is not None
    assert host.decoder.counts().rebirths == 2


@pytest.mark.parametrize("kind", ["DDATA", "DBIRTH", "DDEATH"])
def test_a_device_without_its_nodes_birth_asks_its_node(kind: str) -> None:
    found = Host().asks(kind, "n/d", DATA)
    assert found is not None
    assert found.topic == "spBv1.0/g/NCMD/n"


def test_a_device_without_its_own_birth_asks_its_node() -> None:
    host = Host()
    assert host.asks("NBIRTH", "n", node_birth(0)) is None
    assert host.asks("DDATA", "n/d", payload(seq=1)) is not None


def test_a_gap_asks() -> None:
    host = Host()
    host.asks("NBIRTH", "n", node_birth(0))
    assert host.asks("NDATA", "n", payload(seq=1)) is None
    assert host.asks("NDATA", "n", payload(seq=3)) is not None


def test_each_node_is_asked_for_itself() -> None:
    host = Host()
    assert host.asks("NDATA", "n", DATA)
    assert host.asks("NDATA", "m", DATA)


def test_nobody_is_asked_without_a_hosts_name() -> None:
    host = Host(host_id=None)
    assert host.asks("NDATA", "n", DATA) is None
    assert host.decoder.counts().lost_births == 1
    assert host.decoder.counts().rebirths == 0


def test_a_clock_that_is_set_back_stops_no_asking() -> None:
    host = Host()
    host.asks("NDATA", "n", DATA)
    host.seconds -= 10_000
    assert host.asks("NDATA", "n", DATA) is not None


def test_not_all_nodes_are_asked_at_once() -> None:
    rebirths = Rebirths(60)
    nodes = [str(number) for number in range(200)]

    def asked(now: float) -> int:
        return sum(rebirths.due("g", node, now) is not None for node in nodes)

    assert asked(1000.0) == BURST
    assert asked(1002.0) == 2 * PER_SECOND
    assert asked(1002.0) == 0


def test_what_is_remembered_of_nodes_is_bounded() -> None:
    rebirths = Rebirths(60)
    for number in range(10_000):
        rebirths.due("g", str(number), number / PER_SECOND)
    assert rebirths.count > 9_000
    assert len(rebirths._asked) <= 60 * PER_SECOND
