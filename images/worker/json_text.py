"""Whether bytes are JSON (RFC 8259, UTF-8 without a mark): decided in time linear in their number, whatever they are.

Python's own parser decides nearly all. It gives up on deep nesting and on numbers of thousands of digits, which are
JSON: those go to a reader of tokens with a stack of its own.
"""

import json
import re
from json import JSONDecodeError

_SPACE = rb"[ \t\n\r]*+"
_TEXT = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_NUMBER = rb"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+"
_SIMPLE = (
    rb"(?:" + _TEXT + rb"|" + _NUMBER + rb"|true|false|null"
    rb"|\[" + _SPACE + rb"\]|\{" + _SPACE + rb"\})" + _SPACE
)
_PAIR = _TEXT + _SPACE + rb":" + _SPACE
# Possessive throughout, so that no bytes make it go back. A token is as many simple values, openings or closings as
# follow each other.
_VALUE = re.compile(rb"(" + _SIMPLE + rb")|(\[" + _SPACE + rb")|(\{" + _SPACE + rb")")
_MORE_VALUES = re.compile(rb"(?:," + _SPACE + _SIMPLE + rb")*+(,)?+" + _SPACE)
_MORE_PAIRS = re.compile(
    rb"(?:," + _SPACE + _PAIR + _SIMPLE + rb")*+(?:(,)" + _SPACE + _PAIR + rb")?+" + _SPACE
)
_FIRST_PAIR = re.compile(_PAIR)
_OPENINGS = re.compile(rb"\[[\[ \t\n\r]*+")
_CLOSINGS = re.compile(rb"[\]}][\]} \t\n\r]*+")
_LEADING = re.compile(_SPACE)
_CLOSES = bytes.maketrans(b"[{", b"]}")
_SPACES = b" \t\n\r"


def is_json(data: bytes) -> bool:
    """Return whether the bytes are one JSON value."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    try:
        json.loads(text, parse_constant=_refuse)
    except JSONDecodeError:
        return False
    except _NoJson:
        return False
    except (ValueError, RecursionError):
        return _is_json_by_tokens(data)
    return True


class _NoJson(Exception):
    """A word that Python's parser takes and JSON does not have: NaN, Infinity."""


def _refuse(word: str) -> None:
    raise _NoJson(word)


def _is_json_by_tokens(data: bytes) -> bool:
    """Return whether bytes that are UTF-8 are one JSON value.

    The stack has the opening of each list and object that is open; no step looks at a byte twice but for the few that
    a token begins with.
    """
    stack = bytearray()
    position = _end(_LEADING, data, 0)
    while True:
        # A value begins here.
        run = _OPENINGS.match(data, position)
        if run is not None and (count := run[0].count(b"[")) > 1:
            # All but the last: that may be an empty list.
            stack += b"[" * (count - 1)
            position = run.start() + run[0].rindex(b"[")
        value = _VALUE.match(data, position)
        if value is None:
            return False
        position = value.end()
        if value[2] is not None:
            stack += b"["
            continue
        if value[3] is not None:
            stack += b"{"
            pair = _FIRST_PAIR.match(data, position)
            if pair is None:
                return False
            position = pair.end()
            continue
        position = _after_value(data, position, stack)
        if position < 0:
            return False
        if not stack:
            return position == len(data)


def _after_value(data: bytes, position: int, stack: bytearray) -> int:
    """Return where the next value begins, or the end once nothing is open; -1 for what is no JSON."""
    while stack:
        more = (_MORE_VALUES if stack[-1:] == b"[" else _MORE_PAIRS).match(data, position)
        assert more is not None  # noqa: S101 - it matches nothing as well
        position = more.end()
        if more[1] is not None:
            return position
        closings = _CLOSINGS.match(data, position)
        if closings is None:
            return -1
        found = closings[0].translate(None, _SPACES)
        wanted = bytes(reversed(stack[-len(found) :])).translate(_CLOSES)
        if found != wanted:
            return -1
        del stack[-len(found) :]
        position = closings.end()
    return position


def _end(pattern: re.Pattern[bytes], data: bytes, position: int) -> int:
    match = pattern.match(data, position)
    return position if match is None else match.end()
