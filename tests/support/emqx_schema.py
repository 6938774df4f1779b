"""EMQX's own schema of its configuration, where it is at hand; it is reference data beside the checkout."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Fields that EMQX 5.8.9 takes but leaves out of its schema dump, each with where that was seen.
HIDDEN_FIELDS = {
    "enable",  # a listener's, a log handler's, a cache's and an authorization source's switch (run)
}
HIDDEN_ROOTS = {"overload_protection", "rule_engine", "crl_cache", "node_rebalance"}


@dataclass(frozen=True)
class EmqxSchema:
    """The schema of one edition of EMQX 5.8.9, by the names of its structs."""

    structs: Mapping[str, Any]

    @classmethod
    def load(cls, edition: str) -> "EmqxSchema":
        """Read the schema; skips the test, with the reason, where the file is not there."""
        beside = Path(__file__).parents[3] / "shared" / "reference"
        folder = Path(os.environ.get("IOT_BROKER_REFERENCE", beside))
        file = folder / "emqx" / f"config-schema-5.8.9-{edition}.json"
        if not file.is_file():
            pytest.skip(
                f"EMQX's schema dump {file.name} is not here: set IOT_BROKER_REFERENCE to where it is"
            )
        structs = json.loads(file.read_text(encoding="utf-8"))
        return cls({struct["full_name"]: struct for struct in structs})

    @property
    def roots(self) -> set[str]:
        """The names of the roots."""
        return {field["name"] for field in self._root["fields"]}

    def problems(self, document: Mapping[str, Any]) -> list[str]:
        """Return each key of the document that the schema does not know, or whose value does not fit."""
        return [
            problem
            for key, value in document.items()
            if key not in HIDDEN_ROOTS
            for problem in _unknown(self.structs, self._root["fields"], key, value, key)
        ]

    @property
    def _root(self) -> Mapping[str, Any]:
        root: Mapping[str, Any] = next(
            struct for name, struct in self.structs.items() if name.endswith("Root Config Keys")
        )
        return root


def _unknown(
    schema: Mapping[str, Any], fields: Sequence[Mapping[str, Any]], key: str, value: Any, path: str
) -> Iterator[str]:
    field = next((field for field in fields if field["name"] == key), None)
    if field is None:
        if key not in HIDDEN_FIELDS:
            yield path
        return
    yield from _mismatches(schema, field["type"], value, path)


def _mismatches(schema: Mapping[str, Any], wanted: Mapping[str, Any], value: Any, path: str) -> list[str]:
    """Return the places where a value does not fit its type; a union fits by its best member."""
    kind = wanted["kind"]
    if kind == "struct":
        if not isinstance(value, Mapping):
            return [f"{path}: not a map"]
        fields = schema[wanted["name"]]["fields"]
        return [
            problem
            for key, inner in value.items()
            for problem in _unknown(schema, fields, key, inner, f"{path}.{key}")
        ]
    if kind == "union":
        return min((_mismatches(schema, member, value, path) for member in wanted["members"]), key=len)
    if kind == "array":
        return [
            problem
            for number, inner in enumerate(value)
            for problem in _mismatches(schema, wanted["elements"], inner, f"{path}[{number}]")
        ]
    if kind == "map":
        values = wanted.get("values")
        return [
            problem
            for key, inner in value.items()
            for problem in (_mismatches(schema, values, inner, f"{path}.{key}") if values else [])
        ]
    if kind == "enum":
        symbols = [str(symbol).lower() for symbol in wanted["symbols"]]
        return [] if str(value).lower() in symbols else [f"{path}: {value} is none of {symbols}"]
    if kind == "singleton":
        return [] if value == wanted["name"] else [f"{path}: not {wanted['name']}"]
    return _primitive(wanted["name"], value, path)


def _primitive(name: str, value: Any, path: str) -> list[str]:
    expected: dict[str, type | tuple[type, ...]] = {
        "boolean()": bool,
        "pos_integer()": int,
        "non_neg_integer()": int,
        "integer()": int,
        "map()": Mapping,
        "binary()": str,
        "string()": str,
    }
    wanted = expected.get(name, (str, int))
    return [] if isinstance(value, wanted) else [f"{path}: {value!r} is no {name}"]
