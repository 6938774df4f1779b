"""Payloads of Sparkplug B, written field by field without a schema, so that they can judge who reads by one."""

import random
import struct
from collections.abc import Callable

KINDS = ("NBIRTH", "NDEATH", "DBIRTH", "DDEATH", "NDATA", "DDATA")
BIRTHS_AND_DEATHS = ("NBIRTH", "NDEATH", "DBIRTH", "DDEATH")
DATA_TYPES = range(1, 35)
"""Every data type of Sparkplug 3.0, from Int8 to DateTimeArray."""
_TIME = 1_700_000_000_123
_LARGEST = 2**64 - 1


def payload(chance: random.Random) -> tuple[bool, bytes]:
    """Return whether a payload is broken, and the payload."""
    kinds = [chance.choice(DATA_TYPES) for _ in range(chance.randrange(6))]
    good = of_metrics(*(metric(kind, f"m{place}", alias=place) for place, kind in enumerate(kinds)))
    if chance.random() < 0.7:
        return False, good
    return True, chance.choice(BROKEN)(good)


def of_metrics(*metrics: bytes, sequence: int = 0) -> bytes:
    """Return a payload of metrics, with its time and sequence number."""
    return number(1, _TIME) + b"".join(text(2, one) for one in metrics) + number(3, sequence)


def metric(kind: int, name: str | None, *, alias: int | None = None) -> bytes:
    """Return a metric of a data type with a value that is hard to keep: extreme, odd, or no text."""
    found = text(1, name.encode()) if name is not None else b""
    found += number(2, alias) if alias is not None else b""
    found += number(3, _TIME) + number(4, kind)
    return found + VALUES[kind]


def number(field: int, value: int) -> bytes:
    """Return a field of a whole number."""
    return _varint(field << 3) + _varint(value)


def text(field: int, value: bytes) -> bytes:
    """Return a field of bytes, a text, or a message."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


_DATA_SET = (
    number(1, 2)
    + text(2, b"a")
    + text(2, "ä".encode())
    + number(3, 3)
    + number(3, 12)
    + text(4, text(1, number(1, 2**32 - 1)) + text(1, text(6, b"x\ny")))
)
_PROPERTIES = text(1, b"unit") + text(2, number(1, 12) + text(8, "°C".encode()))
_TEMPLATE = text(1, b"1.0") + text(2, text(1, b"inner") + number(4, 4) + number(11, _LARGEST)) + number(5, 1)

VALUES: dict[int, bytes] = {
    1: number(10, 2**32 - 128),
    2: number(10, 2**32 - 32768),
    3: number(10, 2**31),
    4: number(11, 2**63),
    5: number(10, 255),
    6: number(10, 65535),
    7: number(10, 2**32 - 1),
    8: number(11, _LARGEST),
    9: _float(12, float("nan")),
    10: _double(13, 1.7976931348623157e308),
    11: number(14, 1),
    12: text(15, 'quote " \\ \n \u2028 😀'.encode()),
    13: number(11, _TIME),
    14: text(15, b""),
    15: text(15, b"00000000-0000-0000-0000-000000000000"),
    16: text(17, _DATA_SET),
    17: text(16, b"\xff\xfe\x00\x80"),
    18: text(16, bytes(range(256))) + text(8, text(5, b"a.bin")),
    19: text(18, _TEMPLATE),
    20: text(9, _PROPERTIES) + number(7, 1),
    21: text(9, _PROPERTIES) + number(7, 1),
    # Arrays are bytes that the data type gives a meaning.
    22: text(16, struct.pack("<2b", -128, 127)),
    23: text(16, struct.pack("<2h", -32768, 32767)),
    24: text(16, struct.pack("<2i", -(2**31), 2**31 - 1)),
    25: text(16, struct.pack("<2q", -(2**63), 2**63 - 1)),
    26: text(16, b"\x00\xff"),
    27: text(16, struct.pack("<2H", 0, 65535)),
    28: text(16, struct.pack("<2I", 0, 2**32 - 1)),
    29: text(16, struct.pack("<2Q", 0, _LARGEST)),
    30: text(16, struct.pack("<2f", float("inf"), -0.0)),
    31: text(16, struct.pack("<2d", float("-inf"), 5e-324)),
    32: text(16, struct.pack("<I", 3) + b"\xa0"),
    33: text(16, b"one\x00\xc3\xa4\x00"),
    34: text(16, struct.pack("<2Q", 0, _TIME)),
}
"""The field of a metric's value by data type."""

BROKEN: tuple[Callable[[bytes], bytes], ...] = (
    lambda good: good + b"\x0f",  # a kind of field that there is not
    lambda good: good + b"\x12\x7fshort",  # a metric that ends before its end
    lambda good: good + b"\x0a" * 11,  # lengths that lead beyond the end
    lambda good: good + b"\x08" + b"\xff" * 11,  # a number without an end
    lambda _good: b'{"json": true}',
    lambda _good: b"\xff" * 20,
)
"""What makes of a payload one that nobody can read."""
