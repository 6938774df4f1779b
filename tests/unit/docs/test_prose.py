"""Pages are written in plain, active English: short sentences, one word for one thing, and links that work."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.prose import anchors, links, sentences
from tests.support.shell import REPOSITORY

MOST_WORDS = 24
# Pages for readers. Decisions (docs/adr) stay as they were taken, and the changes as they were written.
PAGES = sorted(
    file
    for pattern in ("README.md", "docs/*.md", "docs/*/*.md", "runbooks/*.md", "lab/*.md")
    for file in REPOSITORY.glob(pattern)
    if file.parent.name != "adr"
)
# Word -> what to write: a role, or the one word that the kit has for the thing.
FORBIDDEN = {
    r"nobody|no one": "name the role, or say that no user, client or login does it",
    r"somebody|someone|anybody|anyone|everybody|everyone|whoever": "name the role",
    r"goes on|go on|going on": "say what continues, stays or happens",
    r"(?:is|are|was|were|be|been) told": "say who reports or explains it",
    r"doors?": "listener",
    r"lanes?": "buffer worker, partition or build queue",
    r"estates?": "lab, or fleet",
}
# Pages that still break a rule: a page leaves this list when it is rewritten, and none is added.
TO_REWRITE: frozenset[str] = frozenset()
DONE = [page for page in PAGES if str(page.relative_to(REPOSITORY)) not in TO_REWRITE]


def name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def faults(markdown: str) -> list[str]:
    """Return each sentence that is too long, or has a word that says less than another."""
    found = []
    for sentence in sentences(markdown):
        if sentence.words > MOST_WORDS:
            found.append(f"line {sentence.line}: {sentence.words} words: {sentence.text}")
        for word, instead in FORBIDDEN.items():
            if match := re.search(rf"\b(?:{word})\b", sentence.text, re.IGNORECASE):
                found.append(f"line {sentence.line}: {match[0]!r}: {instead}: {sentence.text}")
    return found


@pytest.mark.parametrize("page", DONE, ids=name)
def test_a_page_is_written_in_plain_english(page: Path) -> None:
    assert faults(text(page)) == []


def test_what_is_still_to_be_rewritten_is_named_truly() -> None:
    listed = {name(page): page for page in PAGES if name(page) in TO_REWRITE}
    assert listed.keys() == TO_REWRITE
    assert [entry for entry, page in listed.items() if not faults(text(page))] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_link_leads_to_a_page_and_its_heading(page: Path) -> None:
    for path, anchor in links(text(page)):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(text(target)), f"{path}#{anchor}"


def test_the_index_names_every_page() -> None:
    index = REPOSITORY / "docs" / "README.md"
    named = {(index.parent / path).resolve() for path, _ in links(text(index))}
    assert [name(page) for page in PAGES if page.is_relative_to(index.parent) and page not in named] == [
        name(index)
    ]


@pytest.mark.parametrize(
    ("markdown", "count"),
    [
        ("A short one. Then 3.11 of `some code here` and [a link](x.md).", [3, 7]),
        ("| a cell | another one |\n|---|---|\n| here. It ends | x |", [2, 2, 1, 2, 1]),
        ("- a point\n- another\n  that runs on\n\n## A heading", [2, 4, 2]),
        ("```sh\nno sentence at all\n```\n", []),
    ],
)
def test_words_are_counted_as_a_reader_does(markdown: str, count: list[int]) -> None:
    assert [sentence.words for sentence in sentences(markdown)] == count


def test_a_long_sentence_and_each_forbidden_word_is_found() -> None:
    assert faults(" ".join(["word"] * MOST_WORDS) + ".") == []
    assert len(faults(" ".join(["word"] * (MOST_WORDS + 1)) + ".")) == 1
    for wrong in ("Nobody comes.", "Then it goes on.", "Each user is told so.", "The door is shut."):
        assert len(faults(wrong)) == 1, wrong
