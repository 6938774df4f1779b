"""Reads HOCON as far as `components/hocon.py` writes it; anything else is refused with its line."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

_TOKEN = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z0-9_.+-]+)|(?P<mark>[{}\[\]=,]))')
_WORDS = {"true": True, "false": False}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class NotRead(ValueError):
    """Text that is not as the kit writes it: what stands there, and in which line."""


def read(text: str) -> dict[str, Any]:
    """Return the document; raises NotRead."""
    return _settings(_Tokens(text), "")


class _Tokens:
    """The tokens of a text, one looked at before it is taken."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = next(self._tokens, ("", 0))

    @property
    def next(self) -> str:
        return self._next[0]

    def take(self, *wanted: str) -> str:
        taken, place = self._next
        if wanted and taken not in wanted:
            line = _line(self._text, place)
            raise NotRead(f"line {line}: {taken or 'the end'} where {' or '.join(wanted)} should be")
        self._next = next(self._tokens, ("", place))
        return taken

    def refuse(self, what: str) -> NotRead:
        taken, place = self._next
        return NotRead(f"line {_line(self._text, place)}: {taken or 'the end'} is no {what}")


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Yield each token, and the place in the text at which it ends."""
    place, end = 0, len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None:
            raise NotRead(f"line {_line(text, place)}: {text[place : place + 20].strip()!r}")
        place = found.end()
        yield found[0].lstrip(), place


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _settings(tokens: _Tokens, end: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while tokens.next != end:
        key = _key(tokens)
        if key in found:
            raise NotRead(f"{key} twice")
        if tokens.next == "{":
            found[key] = _map(tokens)
        else:
            tokens.take("=")
            found[key] = _value(tokens)
    return found


def _key(tokens: _Tokens) -> str:
    if not tokens.next or tokens.next in "{}[]=,":
        raise tokens.refuse("key")
    key = tokens.take()
    return str(json.loads(key)) if key.startswith('"') else key


def _value(tokens: _Tokens) -> Any:
    if tokens.next == "{":
        return _map(tokens)
    if tokens.next == "[":
        return _list(tokens)
    if tokens.next.startswith('"'):
        return json.loads(tokens.take())
    if tokens.next in _WORDS:
        return _WORDS[tokens.take()]
    if not _NUMBER.fullmatch(tokens.next):
        raise tokens.refuse("value")
    number = tokens.take()
    return Decimal(number) if "." in number else int(number)


def _map(tokens: _Tokens) -> dict[str, Any]:
    tokens.take("{")
    found = _settings(tokens, "}")
    tokens.take("}")
    return found


def _list(tokens: _Tokens) -> list[Any]:
    tokens.take("[")
    found = []
    while tokens.next != "]":
        found.append(_value(tokens))
        if tokens.next != "]":
            tokens.take(",")
    tokens.take("]")
    return found
