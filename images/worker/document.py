"""Reads the parts of a JSON document, and notes everything that is wrong with them."""

from pathlib import Path
from typing import Any


class Part:
    """One object of the document: it notes what is wrong, and what was asked for."""

    def __init__(self, document: object, where: str, errors: list[str]) -> None:
        self._where, self._errors, self._asked = where, errors, set[str]()
        if not isinstance(document, dict):
            errors.append(f"{where or 'settings'}: no object")
        self._document: dict[str, Any] = document if isinstance(document, dict) else {}

    def names(self) -> list[str]:
        """Return all keys."""
        return list(self._document)

    def wrong(self, name: str, what: str) -> None:
        """Note an error at a key."""
        self._errors.append(f"{self._where}{name}: {what}")

    def done(self) -> None:
        """Note the keys that are unknown."""
        for name in self._document.keys() - self._asked:
            self.wrong(name, "unknown")

    def part(self, name: str, *, optional: bool = False) -> "Part":
        """Return an object below."""
        value = self._get(name)
        return Part({} if value is None and optional else value, f"{self._where}{name}.", self._errors)

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        value = self.optional_text(name)
        if not value:
            self.wrong(name, "no text")
        return value or ""

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None."""
        value = self._get(name)
        if value is None or isinstance(value, str):
            return value
        self.wrong(name, "no text")
        return None

    def file(self, name: str) -> Path | None:
        """Return a file's path, or None."""
        value = self.optional_text(name)
        return Path(value) if value else None

    def number(self, name: str, least: int, most: int, default: int | None = None) -> int:
        """Return a whole number within bounds."""
        value = self._get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.wrong(name, f"no whole number from {least} to {most}")
        return least

    def flag(self, name: str) -> bool:
        """Return yes or no; no when left out."""
        value = self._get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.wrong(name, "neither true nor false")
        return False

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; none when left out."""
        value = self._get(name)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        self.wrong(name, "no list of texts")
        return ()

    def texts_by_name(self, name: str) -> dict[str, str]:
        """Return texts by name; none when left out."""
        value = self._get(name)
        if value is None:
            return {}
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
            return dict(value)
        self.wrong(name, "no texts by name")
        return {}

    def _get(self, name: str) -> Any:
        self._asked.add(name)
        return self._document.get(name)
