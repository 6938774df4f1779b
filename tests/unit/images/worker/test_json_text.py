"""JSON is told from what is none by RFC 8259, whatever its depth and digits, in time linear in the bytes."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.worker import json_text
from images.worker.json_text import is_json

# Each fits: what parsers disagree about by their limits (`i_` in test suites) is JSON by its grammar.
JSON = [
    b"[]",
    b"{}",
    b" [ ] ",
    b"[[]]",
    b'[[[1]],{"a":[{}]}]',
    b'{"a":1,"b":[1,2,{"c":null}],"d":{"e":{}}}',
    b"41.5",
    b"true",
    b"8",
    b"-0",
    b"1e400",
    b"1234567890.123456789",
    b'{"a":1e400,"total":1234567890.123456789,"b":1,"b":2}',
    b'"\\ud800"',
    b'"\\u0000"',
    b'""',
    b'"\xc2\xb0C"',
    b'"\x7f"',
    b'[[],[[],[]],{"":{}}]',
    b"\t[ 1 ,\r\n2 ] ",
]
NO_JSON = [
    b"",
    b" ",
    b"[",
    b"]",
    b"[1,]",
    b"[,1]",
    b"[1 2]",
    b"[1}",
    b"[]]",
    b"{,}",
    b'{"a"}',
    b'{"a":}',
    b'{"a":1,}',
    b'{"a":1]',
    b"{1:2}",
    b"{'a':1}",
    b"NaN",
    b"[NaN]",
    b"Infinity",
    b"-Infinity",
    b"01",
    b"1.",
    b".5",
    b"+1",
    b"0x1",
    b"1e",
    b"tru",
    b"True",
    b"1 2",
    b"[]x",
    b'"\t"',
    b'"\\x"',
    b'"\\u12"',
    b'"a',
    b"\xef\xbb\xbf[]",
    b"\xff",
    b'{"unit": "\xb0C"}',
    b'"\xc0\x80"',
    b'"\xed\xa0\x80"',
    b"[\x0b1]",
    b"\x00",
    b"[]\x00",
    b"[\xef\xbc\x91]",  # a digit of another script
    b"\xfe\xff\x00[\x00]",
]
DEEP = b"[" * 1500, b"]" * 1500


@pytest.mark.parametrize("text", JSON)
def test_json_is_json(text: bytes) -> None:
    assert is_json(text)
    assert is_json(b"".join((DEEP[0], text, DEEP[1])))


@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_is_none(text: bytes) -> None:
    assert not is_json(text)
    inside = b"".join((DEEP[0], text, DEEP[1]))
    if text.strip() and text.count(b"]") <= text.count(
        b"["
    ):  # `[ ]` is an empty list, `[[]]]` is `[[]]` and more
        assert not is_json(inside)


def test_depth_and_digits_have_no_limit() -> None:
    assert is_json(b"[" * 500_000 + b"]" * 500_000)
    assert is_json(b'{"":' * 200_000 + b"1" + b"}" * 200_000)
    assert is_json(b"9" * 1_000_000)
    assert not is_json(b"[" * 1_000_000)
    assert not is_json(b"[" * 500_000 + b"]" * 499_999 + b"}")


@given(st.lists(st.sampled_from(list(b'[]{}",:1 a\\\n')), max_size=12).map(bytes))
def test_both_readers_agree(text: bytes) -> None:
    assert json_text._is_json_by_tokens(text) == is_json(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: b"[" * n,
        lambda n: b"{" * n,
        lambda n: b'{"":' * (n // 4),
        lambda n: b"[" * (n // 2) + b"]" * (n // 2),
        lambda n: b"[ " * (n // 2),
        lambda n: b"1" * n,
        lambda n: b"1." + b"1" * n,
        lambda n: b"1e" + b"9" * n,
        lambda n: DEEP[0] + b"[1]," * (n // 4) + b"1" + DEEP[1],
        lambda n: DEEP[0] + b"1," * (n // 2) + b"1" + DEEP[1],
        lambda n: DEEP[0] + b" " * n,
        lambda n: DEEP[0] + b'"' + b"\\" * n,
        lambda n: DEEP[0] + b'"a' * (n // 2),
        lambda n: DEEP[0] + b'[{"a":[' * (n // 7),
    ],
)
def test_ten_times_the_bytes_cost_some_ten_times_the_time(make: Callable[[int], bytes]) -> None:
    def seconds(text: bytes, times: int) -> float:
        taken = []
        for _ in range(times):
            start = time.thread_time()
            is_json(text)
            taken.append(time.thread_time() - start)
        return min(taken)

    small, large = seconds(make(100_000), 3), seconds(make(1_000_000), 2)
    # The first milliseconds are the clock's, and the processor's caches.
    assert large <= 12 * max(small, 0.001)
