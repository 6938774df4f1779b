"""Which languages each free text of a site reaches: what docs/texts.md says, and what is seen in a composition."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from components.recording import Composition
from components.registered import Registered
from model import Site
from tests.support import hostile
from tests.support.composing import compose

PAGE = Path(__file__).parents[3] / "docs" / "texts.md"
ROW = re.compile(r"\| `(?P<key>[a-z_.]+)` \| (?P<languages>[^|]*) \|")
NOWHERE = "none"


def languages(made: Registered, mark: str) -> set[str]:
    """The languages in which an object has a text, by where it stands."""
    if mark not in json.dumps(made.inputs, default=str):
        return set()
    domain = made.type.split(":", 1)[0]
    if domain != "kubernetes":
        x509 = "X.509" if "organization" in _keys_of(made.inputs, mark) else None
        return {x509 or {"vault": "Vault", "keycloak": "Keycloak"}[domain]}
    return {
        {
            "EMQX": "HOCON",
            "PrometheusRule": "Go templates",
            "ConfigMap": "JSON",
            "KafkaConnector": "Kafka Connect",
        }[made.kind]
    }


def _keys_of(inputs: Any, mark: str) -> set[str]:
    return {key.removesuffix("s") for key, value in inputs.items() if mark in json.dumps(value, default=str)}


def seen(composition: Composition, mark: str) -> set[str]:
    found = {language for made in composition.objects for language in languages(made, mark)}
    return found | ({"outputs"} if mark in json.dumps(composition.outputs, default=str) else set())


def marked(edition: str) -> tuple[Site, dict[str, str]]:
    """A site with a mark of its own in each free text, and the marks by key."""
    marks = {key: f"Mark{number}mark" for number, key in enumerate(hostile.free_texts())}
    return hostile.replaced(hostile.whole_site(edition), marks.__getitem__), marks


def documented() -> dict[str, set[str]]:
    rows = [found for line in PAGE.read_text().splitlines() if (found := ROW.match(line))]
    return {row["key"]: set(row["languages"].split(", ")) - {NOWHERE} for row in rows}


def test_the_page_lists_every_free_text_of_the_model() -> None:
    assert documented().keys() == set(hostile.free_texts())


def test_the_page_says_which_languages_each_reaches() -> None:
    found: dict[str, set[str]] = {}
    for edition in ("opensource", "enterprise"):
        site, marks = marked(edition)
        composition = compose(site)
        for key, mark in marks.items():
            found.setdefault(key, set()).update(seen(composition, mark))
    assert found == documented()


def test_every_free_text_is_said_by_the_site_that_is_pushed_through() -> None:
    said: list[str] = []

    def text_of(key: str) -> str:
        said.append(key)
        return "x"

    hostile.replaced(hostile.whole_site(), text_of)
    assert set(said) == set(hostile.free_texts())


@pytest.mark.parametrize("text", ["Well pad 12", *hostile.FRAGMENTS[:5]])
def test_a_hostile_text_is_one_that_validate_takes(text: str) -> None:
    assert hostile.is_text(text)
