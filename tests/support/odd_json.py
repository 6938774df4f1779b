"""Texts that are JSON by RFC 8259, and texts that only look like it, of the kinds that test suites of parsers have."""

import json
import random
from collections.abc import Callable

MEGABYTE = 1_000_000

GOOD: tuple[bytes, ...] = (
    b"41.5",
    b"true",
    b"false",
    b"null",
    b"0",
    b"-0",
    b"-0.0",
    b"8",
    b'""',
    b'"a"',
    b"{}",
    b"[]",
    b"[[]   ]",
    b" [] ",
    b"\t\r\n[1 ,2]\n",
    b'{"a":1e400,"total":1234567890.123456789,"b":1,"b":2}',
    b"1e-400",
    b"1E+2",
    b"123456789012345678901234567890",
    b"0." + b"1" * 5000,
    b"9" * 5000,
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\\uDFAA\\ud800"',
    b'"\\ud83d\\ude00"',
    b'"\x7f"',
    '"\u2028\u2029\ufeff\U0010ffff\ufffe"'.encode(),
    '"é泵😀"'.encode(),
    b'"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    b'{"":0}',
    b'{"\\u0000\\n":null}',
    b'{"__proto__":[],"' + b"k" * 60_000 + b'":1}',
    b'{"a":{"a":{"a":{"a":{}}}}}',
    b"[" * 5000 + b"]" * 5000,
    b'{"a":' * 2000 + b"1" + b"}" * 2000,
    b"[" + b"1," * 5000 + b"1]",
)
"""Each is one JSON value."""

NO_JSON: tuple[bytes, ...] = (
    b"",
    b" ",
    b"\n",
    b"\x00",
    b"nul",
    b"True",
    b"NaN",
    b"-Infinity",
    b"[NaN]",
    b"undefined",
    b"01",
    b"-01",
    b"+1",
    b"1.",
    b".5",
    b"-",
    b"1e",
    b"1e+",
    b"0x10",
    b"1_000",
    b"1,5",
    "\uff11".encode(),
    b"[1,]",
    b"[,1]",
    b"[1 2]",
    b"[1",
    b"1]",
    b"[1}",
    b"{",
    b'{"a"}',
    b'{"a":}',
    b'{"a":1,}',
    b"{a:1}",
    b"{'a':1}",
    b'{"a":1}x',
    b'{"a":1}{"a":1}',
    b"1 2",
    b"[1]\x00",
    b"[1]\x0b",
    b"[1]\xc2\xa0",
    b'"a\nb"',
    b'"a\tb"',
    b'"\x00"',
    b'"\\x41"',
    b'"\\u12"',
    b'"\\"',
    b'"',
    b'"\\',
    b"// c\n1",
    b"1 /* c */",
    b"\xef\xbb\xbf1",
    b"\xff\xfe1\x00",
    '{"name":"Förderpumpe"}'.encode("latin-1"),
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b'"\xf4\x90\x80\x80"',
    b'"\xe2\x82"',
    b"[" * 5000,
    b"[" * 5000 + b"}" * 5000,
    b'{"a":' * 2000,
    b"<xml/>",
    b"ONLINE",
)
"""None is a JSON value in UTF-8."""

LARGE: tuple[Callable[[], tuple[bool, bytes]], ...] = (
    lambda: (False, b"[" * MEGABYTE),
    lambda: (True, b"[" * (MEGABYTE // 2) + b"]" * (MEGABYTE // 2)),
    lambda: (False, b"{" * MEGABYTE),
    lambda: (True, b"9" * MEGABYTE),
    lambda: (True, b'"' + b"\\u00e9" * (MEGABYTE // 6 - 1) + b'"'),
    lambda: (False, b'"' + b"a" * (MEGABYTE - 1)),
    lambda: (False, b"\xff" * MEGABYTE),
    lambda: (True, b" " * (MEGABYTE - 1) + b"1"),
)
"""Make payloads of a megabyte, which cost a careless reader hours: whether it is JSON, and the payload."""


def nested(chance: random.Random, depth: int = 4) -> bytes:
    """Return JSON with values of every kind, written in one of several ways."""
    value = _value(chance, depth)
    separators = chance.choice(((",", ":"), (", ", ": "), (" ,\n", "\t:\r\n")))
    return json.dumps(value, ensure_ascii=chance.random() < 0.5, separators=separators).encode()


def _value(chance: random.Random, depth: int) -> object:
    kinds: tuple[Callable[[], object], ...] = (
        lambda: chance.choice((True, False, None)),
        lambda: chance.randrange(-(10**18), 10**18),
        lambda: chance.uniform(-1e9, 1e9),
        lambda: "".join(chr(chance.choice((0, 10, 34, 92, 233, 0x2028, 0x1F600, 97))) for _ in range(5)),
        lambda: [_value(chance, depth - 1) for _ in range(chance.randrange(4))],
        lambda: {f"k{n}": _value(chance, depth - 1) for n in range(chance.randrange(4))},
    )
    return chance.choice(kinds if depth else kinds[:4])()
