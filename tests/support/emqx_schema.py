"""EMQX's own schema of its configuration, where it is at hand; it is reference data beside the checkout."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import emqx_hidden
from tests.support.emqx_values import misfit


def reference(name: str, what: str) -> Path:
    """Return a file of EMQX's reference data; skips the test, with the reason, where it is not there."""
    beside = Path(__file__).parents[3] / "shared" / "reference"
    file = Path(os.environ.get("IOT_BROKER_REFERENCE", beside)) / "emqx" / name
    if not file.is_file():
        pytest.skip(f"EMQX's {what} {name} is not here: set IOT_BROKER_REFERENCE to where it is")
    return file


@cache
def _read(file: Path) -> dict[str, Any]:
    return {struct["full_name"]: struct for struct in json.loads(file.read_text(encoding="utf-8"))}


@dataclass(frozen=True)
class EmqxSchema:
    """The schema of one edition of EMQX 5.8.9, by the names of its structs."""

    structs: Mapping[str, Any]

    @classmethod
    def load(cls, edition: str) -> "EmqxSchema":
        """Read the schema; skips the test, with the reason, where the file is not there."""
        file = reference(f"config-schema-5.8.9-{edition}.json", "schema dump")
        return cls(_read(file) | emqx_hidden.STRUCTS)

    @property
    def roots(self) -> set[str]:
        """The names of the roots that the dump has."""
        return {field["name"] for field in self._root["fields"]}

    def problems(self, document: Mapping[str, Any]) -> list[str]:
        """Return each key that the schema does not know or that is missing, and each value that does not fit."""
        hidden = [{"name": name, "type": kind} for name, kind in emqx_hidden.ROOTS.items()]
        fields = [*self._root["fields"], *hidden]
        return [
            problem for key, value in document.items() for problem in self._of_field(fields, key, value, key)
        ]

    @property
    def _root(self) -> Mapping[str, Any]:
        root: Mapping[str, Any] = next(
            struct for name, struct in self.structs.items() if name.endswith("Root Config Keys")
        )
        return root

    def _of_field(
        self, fields: Sequence[Mapping[str, Any]], key: str, value: Any, path: str
    ) -> Iterator[str]:
        field = next((field for field in fields if field["name"] == key), None)
        if field is not None:
            yield from self._mismatches(field["type"], key, value, path)
        elif not emqx_hidden.SWITCHES.fullmatch(path):
            yield f"{path}: no such key"
        elif not isinstance(value, bool):
            yield f"{path}: {value!r} is neither on nor off"

    def _mismatches(self, wanted: Mapping[str, Any], key: str, value: Any, path: str) -> list[str]:
        """Return the places where a value does not fit its type; a union fits by its best member."""
        kind = wanted["kind"]
        if kind == "union":
            return min((self._mismatches(member, key, value, path) for member in wanted["members"]), key=len)
        if kind == "struct":
            return self._of_struct(wanted["name"], value, path)
        if kind in {"array", "map"}:
            return self._of_many(wanted, key, value, path)
        if kind == "enum":
            symbols = [str(symbol).lower() for symbol in wanted["symbols"]]
            return [] if str(value).lower() in symbols else [f"{path}: {value} is none of {symbols}"]
        if kind == "singleton":
            return (
                [] if str(value).lower() == str(wanted["name"]).lower() else [f"{path}: not {wanted['name']}"]
            )
        wrong = misfit(wanted["name"], key, value)
        return [f"{path}: {wrong}"] if wrong else []

    def _of_struct(self, name: str, value: Any, path: str) -> list[str]:
        if not isinstance(value, Mapping):
            return [f"{path}: not a map"]
        fields = self.structs[name]["fields"]
        known = [
            problem
            for key, inner in value.items()
            for problem in self._of_field(fields, key, inner, f"{path}.{key}")
        ]
        missing = [key for key in emqx_hidden.REQUIRED.get(name, ()) if key not in value]
        return [*known, *(f"{path}.{key}: is required" for key in missing)]

    def _of_many(self, wanted: Mapping[str, Any], key: str, value: Any, path: str) -> list[str]:
        """Return what is wrong in a list, or in a map by names of one's own."""
        entries: Iterator[tuple[str, Any]]
        if wanted["kind"] == "array":
            if not isinstance(value, list):
                return [f"{path}: not a list"]
            inner, entries = wanted["elements"], ((f"[{place}]", entry) for place, entry in enumerate(value))
        else:
            if not isinstance(value, Mapping):
                return [f"{path}: not a map"]
            inner, entries = wanted.get("values"), ((f".{name}", entry) for name, entry in value.items())
        return [
            problem
            for step, entry in entries
            if inner
            for problem in self._mismatches(inner, key, entry, path + step)
        ]
