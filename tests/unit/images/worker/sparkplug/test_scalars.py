"""Every datatype comes out of the wire's bytes exactly; what does not fit its datatype is not bent."""

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.worker.sparkplug import Decoded, Decoder
from tests.support.sparkplug import BOOLEAN, BYTES, DOUBLE, F32, FLOAT, INT, LONG, STRING, metric, payload

LEVELS = ("spBv1.0", "g", "NDATA", "n")
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
SMALL = {"Int8": 8, "Int16": 16, "Int32": 32, "UInt8": 8, "UInt16": 16, "UInt32": 32}
ARRAYS = {
    "Int8Array": "b",
    "Int16Array": "h",
    "Int32Array": "i",
    "Int64Array": "q",
    "UInt8Array": "B",
    "UInt16Array": "H",
    "UInt32Array": "I",
    "UInt64Array": "Q",
    "DateTimeArray": "q",
}


def refused(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def read(datatype: str | int | None, field: int, value: bytes | str | float) -> dict[str, Any]:
    """Decode a payload that has one metric, and return the metric without its datatype."""
    written = payload(metric(name="m", datatype=datatype, value=(field, value)))
    decoded = Decoder(largest=2**20).decode(LEVELS, written)
    assert isinstance(decoded, Decoded)
    record = json.loads(decoded.json, parse_constant=refused)
    assert record.keys() == {"metrics"}, "nothing is to be said by `original`"
    (found,) = record["metrics"]
    assert found.pop("name") == "m"
    assert found.pop("datatype", None) == datatype
    return dict(found)


def same(found: object, expected: float) -> bool:
    """Say whether a number is this one, bit for bit but for the bits of a NaN."""
    number = NOT_FINITE[found] if isinstance(found, str) else found
    assert isinstance(number, float)
    return struct.pack("<d", number) == struct.pack("<d", expected) or (
        math.isnan(number) and math.isnan(expected)
    )


@pytest.mark.parametrize("datatype", SMALL)
@given(data=st.data())
def test_integers_of_up_to_32_bits_are_the_numbers_that_were_meant(
    datatype: str, data: st.DataObject
) -> None:
    signed = not datatype.startswith("U")
    bits = SMALL[datatype] - signed
    value = data.draw(st.integers(-(2**bits) if signed else 0, 2**bits - 1))
    # Sign-extended to the field, as most encoders do, and in the bits of the datatype alone.
    assert read(datatype, INT, value % 2**32) == {"value": value}
    assert read(datatype, INT, value % 2 ** SMALL[datatype]) == {"value": value}
    assert read(datatype, LONG, value % 2**64) == {"value": value}


@given(st.integers(-(2**31), -1))
def test_a_negative_number_of_ten_bytes_is_itself_and_the_payload_is_kept(value: int) -> None:
    """What encoders write that take `uint32` for `int32`; it is no usual encoding of the field."""
    written = payload(metric(datatype="Int32", value=(INT, value % 2**64)))
    decoded = Decoder(largest=2**20).decode(LEVELS, written)
    assert isinstance(decoded, Decoded)
    record = json.loads(decoded.json)
    assert record["metrics"][0]["value"] == value
    assert "original" in record


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_integers_of_64_bits_keep_every_digit(value: int) -> None:
    assert read("Int64", LONG, value % 2**64) == {"value": value}
    assert read("DateTime", LONG, value % 2**64) == {"value": value}


@given(st.integers(0, 2**64 - 1))
def test_unsigned_integers_of_64_bits_keep_every_digit(value: int) -> None:
    assert read("UInt64", LONG, value) == {"value": value}


@given(st.floats(width=32))
def test_a_float_is_the_double_that_equals_it(value: float) -> None:
    (found,) = read("Float", FLOAT, F32(value)).values()
    assert same(found, value)


@given(st.floats())
def test_a_double_is_itself(value: float) -> None:
    (found,) = read("Double", DOUBLE, value).values()
    assert same(found, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, b"0.1"), (1e16, b"1e+16"), (-0.0, b"-0.0"), (5e-324, b"5e-324"), (math.nan, b'"NaN"')],
)
def test_a_number_has_as_few_digits_as_give_it_again(value: float, text: bytes) -> None:
    decoded = Decoder(largest=2**20).decode(LEVELS, payload(metric(datatype="Double", value=(DOUBLE, value))))
    assert isinstance(decoded, Decoded)
    assert b'"value":' + text + b"}" in decoded.json


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_itself(value: bool) -> None:
    assert read("Boolean", BOOLEAN, int(value)) == {"value": value}


@pytest.mark.parametrize("datatype", ["String", "Text", "UUID"])
@given(value=st.text())
def test_a_text_is_itself(datatype: str, value: str) -> None:
    assert read(datatype, STRING, value) == {"value": value}


def test_a_text_that_is_no_utf_8_is_kept_as_its_bytes() -> None:
    assert read("String", STRING, b"caf\xe9") == {"value": {"base64": "Y2Fm6Q=="}}
    assert read("String", STRING, b"\xed\xa0\x80") == {"value": {"base64": "7aCA"}}


@pytest.mark.parametrize("datatype", ["Bytes", "File"])
def test_bytes_are_in_base64(datatype: str) -> None:
    assert read(datatype, BYTES, b"\x00\xff\xfe") == {"value": "AP/+"}


@pytest.mark.parametrize("datatype", ARRAYS)
@given(data=st.data())
def test_an_array_of_integers_has_them_all(datatype: str, data: st.DataObject) -> None:
    code = ARRAYS[datatype]
    bits = 8 * struct.calcsize(f"<{code}")
    lowest, highest = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    values = data.draw(st.lists(st.integers(lowest, highest), max_size=20))
    written = b"".join((value % 2**bits).to_bytes(bits // 8, "little") for value in values)
    assert read(datatype, BYTES, written) == {"value": values}


@given(st.lists(st.floats(width=32), max_size=20), st.lists(st.floats(), max_size=20))
def test_an_array_of_floats_has_them_all(small: list[float], large: list[float]) -> None:
    (floats,) = read("FloatArray", BYTES, struct.pack(f"<{len(small)}f", *small)).values()
    (doubles,) = read("DoubleArray", BYTES, struct.pack(f"<{len(large)}d", *large)).values()
    pairs = zip([*floats, *doubles], [*small, *large], strict=True)
    assert all(same(found, value) for found, value in pairs)


@given(st.lists(st.booleans(), max_size=40))
def test_an_array_of_booleans_has_them_all(values: list[bool]) -> None:
    bits = "".join("1" if value else "0" for value in values)
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))
    written = len(values).to_bytes(4, "little") + packed
    assert read("BooleanArray", BYTES, written) == {"value": values}


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=10))
def test_an_array_of_texts_has_them_all(values: list[str]) -> None:
    written = b"".join(value.encode() + b"\0" for value in values)
    assert read("StringArray", BYTES, written) == {"value": values}


@pytest.mark.parametrize(
    ("datatype", "written", "value"),
    [
        # Examples of Sparkplug B 3.0, 6.4.17 (but for that of Int8Array: its bytes are not its numbers).
        ("BooleanArray", "0c00000034d0", [c == "1" for c in "001101001101"]),
        ("StringArray", "4142430068656c6c6f00", ["ABC", "hello"]),
        ("DateTimeArray", "c7d0907524010000b8bab89781010000", [1256102875335, 1656107875000]),
        ("Int32Array", "15cd5b07b168de3a", [123456789, 987654321]),
    ],
)
def test_arrays_are_as_in_the_standards_examples(datatype: str, written: str, value: list[object]) -> None:
    assert read(datatype, BYTES, bytes.fromhex(written)) == {"value": value}


@pytest.mark.parametrize(
    ("datatype", "written"),
    [
        ("Int16Array", b"\1\2\3"),
        ("DoubleArray", bytes(9)),
        ("BooleanArray", b"\1\0\0"),
        ("BooleanArray", b"\1\0\0\0"),
        ("BooleanArray", b"\xff\xff\xff\xff\x80"),
        ("BooleanArray", b"\1\0\0\0\x80\0"),
        ("BooleanArray", b"\1\0\0\0\xc0"),
        ("StringArray", b"one\0two"),
    ],
)
def test_bytes_that_are_no_such_array_are_kept_as_they_came(datatype: str, written: bytes) -> None:
    found = read(datatype, BYTES, written)
    assert found["field"] == "bytes_value"
    assert isinstance(found["value"], str)


@pytest.mark.parametrize(
    ("datatype", "field", "value", "came_in"),
    [
        ("Int8", INT, 2**31, "int_value"),
        ("Int8", INT, 256, "int_value"),
        ("UInt8", INT, 256, "int_value"),
        ("Int64", INT, 2**32 - 1, "int_value"),
        ("Boolean", INT, 1, "int_value"),
        ("String", LONG, 2**64 - 1, "long_value"),
        ("Int32", STRING, "12", "string_value"),
        (99, INT, 2**32 - 1, "int_value"),
        (None, LONG, 2**64 - 1, "long_value"),
    ],
)
def test_what_does_not_fit_its_datatype_is_as_it_came(
    datatype: str | int | None, field: int, value: int | str, came_in: str
) -> None:
    assert read(datatype, field, value) == {"value": value, "field": came_in}
