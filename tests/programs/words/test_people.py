"""What people are called, and what topics a site writes down, through the policy as OPA decides it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.opa_policies import policy_files, site_data
from model import Site
from model.policy import TopicRule
from model.rules.policy import filters_are_valid
from tests.support import hostile
from tests.support.tools import tool

SITE = hostile.whole_site()
# A plus, an apostrophe, an accent, a backslash, a space: as people are called at Keycloak or in a directory.
NAMES = ("jane+iot@example.com", "o'brien", "josé", "corp\\jane", "jane doe", "+", "#", "$SYS", "漢字", 'a"b')
QUERY = "[result | some asked in input; result := data.iot.mqtt.decision.result with input as asked]"


def decisions(site: Site, folder: Path, questions: list[dict[str, str]]) -> list[str]:
    """What the bundle, as the site deploys it, answers to each question; one process for all."""
    for name, text in {**policy_files(), "site.json": site_data(site)}.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = (
        str(tool("opa") / "opa"),
        "eval",
        "--stdin-input",
        "--format",
        "raw",
        "--data",
        str(folder),
        QUERY,
    )
    given_input = json.dumps(questions)
    done = subprocess.run(command, input=given_input, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers: list[str] = json.loads(done.stdout)
    return answers


def person(name: str, action: str, topic: str) -> dict[str, str]:
    """The question about a person who signed in with a token of the realm."""
    return {
        "site": SITE.name,
        "username": name,
        "clientid": f"{name}/browser",
        "cert_common_name": "undefined",
        "realm": SITE.name,
        "holder": "person",
        "action": action,
        "topic": topic,
    }


LETTERS = {"josé", "漢字"}
"""Of the names those of letters alone."""


def with_rule(who: str, actions: tuple[Any, ...], topic: str) -> Site:
    """The site with one more permission."""
    rule = TopicRule(name="added", who=who, actions=actions, topics=(topic,))
    return SITE.model_copy(
        update={"policy": SITE.policy.model_copy(update={"rules": (*SITE.policy.rules, rule)})}
    )


def test_a_person_reads_whatever_name_keycloak_takes(tmp_path: Path) -> None:
    asked = [person(name, "subscribe", f"{SITE.name}/#") for name in NAMES]
    assert decisions(SITE, tmp_path, asked) == ["allow"] * len(NAMES)


def test_whatever_a_person_is_called_nothing_wider_is_read_and_nothing_written(tmp_path: Path) -> None:
    asked = [person(name, "subscribe", "#") for name in NAMES]
    asked += [person(name, "publish", f"{SITE.name}/{name}/x") for name in NAMES]
    assert decisions(SITE, tmp_path, asked) == ["deny"] * len(asked)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("jane", "allow"),
        ("jane@example.com", "allow"),
        # Letters of every script make one plain level; signs and spaces do not.
        *((name, "allow" if name in LETTERS else "deny") for name in NAMES),
    ],
)
def test_only_a_name_that_can_stand_in_a_topic_has_the_right_that_a_rule_gives_by_it(
    tmp_path: Path, name: str, result: str
) -> None:
    site = with_rule("user", ("subscribe",), "own/{name}/#")
    assert decisions(site, tmp_path, [person(name, "subscribe", f"own/{name}/x")]) == [result]


def levels() -> st.SearchStrategy[str]:
    found = hostile.texts(20).map(lambda text: text.replace("/", "").replace("+", "").replace("#", ""))
    return found.map(lambda text: text.replace("{", "").replace("}", "").replace("$", "")).filter(bool)


@settings(max_examples=5, deadline=None, phases=hostile.NO_SHRINKING)
@given(st.lists(levels(), min_size=6, max_size=6))
def test_a_topic_of_the_data_allows_itself_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    topics = [f"area/{word}/x" for word in words]
    rule = TopicRule(name="added", who="user", actions=("subscribe",), topics=tuple(topics))
    rules = (*SITE.policy.rules, rule)
    site = SITE.model_copy(update={"policy": SITE.policy.model_copy(update={"rules": rules})})
    assert [found.problem for found in filters_are_valid.find(site)] == []
    asked = [person("jane", "subscribe", topic) for topic in topics]
    asked += [person("jane", "subscribe", f"area/{word}\n/x") for word in words]
    folder = tmp_path_factory.mktemp("bundle")
    assert decisions(site, folder, asked) == ["allow"] * len(words) + ["deny"] * len(words)
