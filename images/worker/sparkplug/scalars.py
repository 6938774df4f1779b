"""Values of Sparkplug B as JSON text, by the field that they came in and the datatype that they are said to have.

A value that does not fit its datatype is not bent: there is no reader of it, or the reader returns None.
"""

import math
import struct
from base64 import b64encode
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Final

from images.worker.sparkplug.schema import DATATYPES

Reader = Callable[[Any], str | None]

NUMBER: Final = {name: number for number, name in enumerate(DATATYPES)}
_BITS: Final = {
    f"{sign}Int{bits}": (bits, sign == "") for sign in ("", "U") for bits in (8, 16, 32, 64)
}  # datatype: (bits, signed)
_WIDTHS: Final = {"int_value": 32, "long_value": 64}
_TEXTS: Final = ("String", "Text", "UUID")
_FIXED: Final = {
    "Int8Array": "b",
    "Int16Array": "h",
    "Int32Array": "i",
    "Int64Array": "q",
    "UInt8Array": "B",
    "UInt16Array": "H",
    "UInt32Array": "I",
    "UInt64Array": "Q",
    "FloatArray": "f",
    "DoubleArray": "d",
    "DateTimeArray": "q",
}
_COUNT_BYTES: Final = 4


def text(value: bytes) -> str:
    """Return a text as a JSON string; what is no UTF-8 as `{"base64": "…"}`."""
    try:
        return encode_basestring(value.decode())
    except UnicodeDecodeError:
        return f'{{"base64":{binary(value)}}}'


def binary(value: bytes) -> str:
    """Return bytes as a JSON string in base64 (RFC 4648, with padding)."""
    return f'"{b64encode(value).decode("ascii")}"'


def boolean(value: bool) -> str:
    """Return `true` or `false`."""
    return "true" if value else "false"


def number(value: float) -> str:
    """Return a number with the fewest digits that give this very double again; NaN and infinities as strings."""
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):
        return '"NaN"'
    return '"Infinity"' if value > 0 else '"-Infinity"'


def array(datatype: str, value: bytes) -> str | None:
    """Return the elements of an array's bytes as a JSON array, None if the bytes are no such array.

    Elements are little-endian; booleans come as a count of four bytes and bits from the highest; each text ends with
    a zero byte (Sparkplug B 3.0, 6.4.17).
    """
    if datatype == "BooleanArray":
        return _booleans(value)
    if datatype == "StringArray":
        if value and not value.endswith(b"\0"):
            return None
        return f"[{','.join(map(text, value.split(bytes(1))[:-1]))}]"
    code = _FIXED[datatype]
    size = struct.calcsize(f"<{code}")
    if len(value) % size:
        return None
    elements = struct.unpack(f"<{len(value) // size}{code}", value)
    return f"[{','.join(map(number if code in 'fd' else str, elements))}]"


def _booleans(value: bytes) -> str | None:
    count = int.from_bytes(value[:_COUNT_BYTES], "little")
    packed = value[_COUNT_BYTES:]
    if len(value) < _COUNT_BYTES or len(packed) != (count + 7) // 8:
        return None
    if count % 8 and packed[-1] & (0xFF >> count % 8):
        return None  # bits behind the last one: they would be lost
    bits = "".join(f"{byte:08b}" for byte in packed)[:count]
    return f"[{','.join('true' if bit == '1' else 'false' for bit in bits)}]"


def _signed(bits: int, width: int) -> Reader:
    """Return the reader of a signed integer: two's complement of its own bits, or of the field's (sign-extended)."""
    half, whole, field = 1 << bits - 1, 1 << bits, 1 << width

    def read(value: int) -> str | None:
        if value < half:
            return str(value)
        if value < whole:
            return str(value - whole)
        return str(value - field) if value >= field - half else None

    return read


def _unsigned(bits: int) -> Reader:
    whole = 1 << bits
    return lambda value: str(value) if value < whole else None


def _array_of(datatype: str) -> Reader:
    return lambda value: array(datatype, value)


def _readers() -> dict[tuple[str, int], Reader]:
    made: dict[tuple[str, int], Reader] = {}
    for field, width in _WIDTHS.items():
        for datatype, (bits, signed) in _BITS.items():
            if not signed:
                made[field, NUMBER[datatype]] = _unsigned(bits)
            elif bits <= width:  # in fewer bits nothing says where the sign is
                made[field, NUMBER[datatype]] = _signed(bits, width)
    # Milliseconds since 1970 are unsigned by the standard; encoders write a time before it in two's complement.
    made["long_value", NUMBER["DateTime"]] = _signed(64, 64)
    for field in ("float_value", "double_value"):
        for datatype in ("Float", "Double"):
            made[field, NUMBER[datatype]] = number
    made["boolean_value", NUMBER["Boolean"]] = boolean
    made |= {("string_value", NUMBER[datatype]): text for datatype in _TEXTS}
    made |= {("bytes_value", NUMBER[datatype]): binary for datatype in ("Bytes", "File")}
    arrays = (*_FIXED, "BooleanArray", "StringArray")
    made |= {("bytes_value", NUMBER[datatype]): _array_of(datatype) for datatype in arrays}
    return made


READERS: Final = _readers()
"""How to read what a field holds as a datatype (its number)."""
AS_IT_CAME: Final[dict[str, Reader]] = {
    "int_value": str,
    "long_value": str,
    "float_value": number,
    "double_value": number,
    "boolean_value": boolean,
    "string_value": text,
    "bytes_value": binary,
}
"""How to write what a field holds where no datatype says what it is: integers unsigned, bytes in base64."""
