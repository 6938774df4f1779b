"""Each command of a runbook is run in the lab, or its reason not to be is stated and holds; none is passed over."""

import re
from pathlib import Path

import pytest

from tests.support.runbook_scenes import ELSEWHERE, SCENES
from tests.support.runbooks import (
    PAGES,
    Elsewhere,
    Scene,
    Step,
    elsewhere,
    filled,
    is_command,
    said,
    script,
    steps,
    typed,
)
from tests.support.shell import REPOSITORY

# Set as code, and nothing to type: words of programs, settings and queries.
NO_COMMANDS = {
    *("failed to load checkpoint: EOF", "unexpected end of JSON input"),
    *(
        "409 Conflict",
        "a deployment was interrupted, or is under way",
        "already exists",
        "path is already in use",
    ),
    *(
        "the stack is currently locked by 1 lock(s)",
        "certificate revoked",
        "Not Found",
        "Verify return code: 0",
    ),
    "cannot satisfy request, as TTL would result in notAfter beyond the expiration of the CA certificate",
    *("Unable to determine Dialect", "Connection refused", "could not be verified by hostnameverifier"),
    *("password authentication failed", "permission denied", "Failed to flush records", "state: stopped"),
    *(
        "the value is not JSON",
        "not UTF-8",
        "revocation: crl",
        "broker.revocation: none",
        "broker.revocation: crl",
        "protect: true",
    ),
    *("broker.unsupported_until: YYYY-MM-DD", "export VAULT_ADDR=… VAULT_CACERT=…"),
    '1 - iot_broker:serving{site="$SITE"}',
    "Kafka takes nothing",
}


def every() -> list[Step]:
    return [step for page in PAGES for step in steps(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_can_be_typed_with_a_value_for_each_word_in_capitals(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = typed(text, SCENES.get(page.stem, Scene()), ELSEWHERE)
    assert [step for step in steps(text) if (step in lines) == bool(elsewhere(step, ELSEWHERE))] == []


def test_what_is_set_as_code_is_a_command_or_known_to_be_none() -> None:
    spans = {words for page in PAGES for words in said(page.read_text(encoding="utf-8")) if " " in words}
    assert {words for words in spans if not is_command(words)} == NO_COMMANDS


@pytest.mark.parametrize("entry", ELSEWHERE, ids=lambda entry: entry.commands)
def test_what_is_not_run_is_run_elsewhere(entry: Elsewhere) -> None:
    assert [step for step in every() if re.fullmatch(entry.commands, step.text)]
    assert entry.words in (REPOSITORY / entry.file).read_text(encoding="utf-8")


def test_each_scene_is_of_a_page_that_needs_its_values() -> None:
    texts = {page.stem: page.read_text(encoding="utf-8") for page in PAGES}
    for name, scene in SCENES.items():
        for word in scene.values:
            assert any(filled(step, {word: "given"}) != step.text for step in steps(texts[name])), (
                name,
                word,
            )


def test_a_word_without_a_value_stops_its_page() -> None:
    for line in (
        "k delete pod NAME",
        'k delete pod "NAME_OF_THE_POD"',
        "vault read MOUNT/crl",
        "k delete secret …-tls",
    ):
        with pytest.raises(KeyError, match="no value for"):
            script(f"```sh\n{line}\n```\n", Scene(), ELSEWHERE)


def test_a_command_comes_out_of_a_block_and_out_of_the_text() -> None:
    page = """\
1. Do:

   ```sh
   SITE=other
   k get \\
     pods
   ```

2. Then `pulumi
   up` and `k cp`, not `a: b`.
"""
    assert list(steps(page)) == [
        Step("SITE=eagle-ford", inline=False),
        Step("k get \\\n  pods", inline=False),
        Step("pulumi up", inline=True),
        Step("k cp", inline=True),
    ]
