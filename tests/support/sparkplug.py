"""Sparkplug B payloads written byte by byte, without the descriptor that the worker reads by."""

import struct

# Numbers of fields and datatypes as Sparkplug B 3.0 lists them.
TYPES = {
    "Int8": 1,
    "Int16": 2,
    "Int32": 3,
    "Int64": 4,
    "UInt8": 5,
    "UInt16": 6,
    "UInt32": 7,
    "UInt64": 8,
    "Float": 9,
    "Double": 10,
    "Boolean": 11,
    "String": 12,
    "DateTime": 13,
    "Text": 14,
    "UUID": 15,
    "DataSet": 16,
    "Bytes": 17,
    "File": 18,
    "Template": 19,
    "PropertySet": 20,
    "PropertySetList": 21,
    "Int8Array": 22,
    "Int16Array": 23,
    "Int32Array": 24,
    "Int64Array": 25,
    "UInt8Array": 26,
    "UInt16Array": 27,
    "UInt32Array": 28,
    "UInt64Array": 29,
    "FloatArray": 30,
    "DoubleArray": 31,
    "BooleanArray": 32,
    "StringArray": 33,
    "DateTimeArray": 34,
}
# Field of a metric for its value, by kind.
INT, LONG, FLOAT, DOUBLE, BOOLEAN, STRING, BYTES, DATASET, TEMPLATE, EXTENSION = range(10, 20)
_VARINT, _EIGHT, _SIZED, _FOUR = 0, 1, 2, 5


class F32(float):
    """A number that is written in four bytes."""


def varint(value: int) -> bytes:
    """Seven bits to a byte, the lowest first; all but the last have the highest bit."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def field(number: int, value: bytes | str | float) -> bytes:
    """A field: integers as varints, texts and bytes with their length, floats in eight bytes or four."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | _SIZED) + varint(len(value)) + value
    if isinstance(value, F32):
        return varint(number << 3 | _FOUR) + struct.pack("<f", value)
    if isinstance(value, float):
        return varint(number << 3 | _EIGHT) + struct.pack("<d", value)
    return varint(number << 3 | _VARINT) + varint(value)


def metric(
    *,
    name: bytes | str | None = None,
    alias: int | None = None,
    at: int | None = None,
    datatype: str | int | None = None,
    value: tuple[int, bytes | str | float] | None = None,
    more: bytes = b"",
) -> bytes:
    """A metric's bytes; `value` is its field and what is in it, `more` are other fields before it (numbers 5 to 9)."""
    kind = TYPES[datatype] if isinstance(datatype, str) else datatype
    given = ((1, name), (2, alias), (3, at), (4, kind))
    written = b"".join(field(number, one) for number, one in given if one is not None)
    return written + more + (field(*value) if value else b"")


def payload(*metrics: bytes, at: int | None = None, seq: int | None = None, more: bytes = b"") -> bytes:
    """A payload with these metrics; `more` are other fields behind (numbers from 4)."""
    written = field(1, at) if at is not None else b""
    written += b"".join(field(2, one) for one in metrics)
    return written + (field(3, seq) if seq is not None else b"") + more


def node_birth(bdseq: int | None = 0, *metrics: bytes, seq: int = 0) -> bytes:
    """A node's birth, or with `seq` another message with its session's number."""
    number = (metric(name="bdSeq", datatype="Int64", value=(LONG, bdseq)),) if bdseq is not None else ()
    return payload(*number, *metrics, at=1_700_000_000_000, seq=seq)


def death(bdseq: int) -> bytes:
    """A node's death: it has no `seq`."""
    return payload(metric(name="bdSeq", datatype="Int64", value=(LONG, bdseq)))
