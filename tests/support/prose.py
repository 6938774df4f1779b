"""Takes a page of Markdown apart into sentences, so that a test can count their words."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

READER = MarkdownIt("gfm-like", {"linkify": False})
# A full stop ends a sentence where space follows, and then no small letter: `3.11` goes on.
END = re.compile(r"(?<=[.!?])[\"')]*\s+(?![a-z])")
WORD = re.compile(r"[^\W_]")
CODE = "`code`"


class Sentence(NamedTuple):
    """A sentence of a page: the line at which its paragraph begins, and its text; a piece of code is one word."""

    line: int
    text: str

    @property
    def words(self) -> int:
        """How many words it has: what stands between spaces and holds a letter or a digit."""
        return sum(bool(WORD.search(word)) for word in self.text.split())


def sentences(markdown: str) -> Iterator[Sentence]:
    """Return each sentence of paragraphs, lists, headings and cells of tables; blocks of code have none."""
    line = 0
    for token in READER.parse(markdown):
        line = token.map[0] + 1 if token.map else line
        if token.type == "inline":
            text = "".join(map(_shown, token.children or ()))
            for part in END.split(text):
                # A list of values in code has no sentence.
                if WORD.search(part.replace(CODE, "")):
                    yield Sentence(line, " ".join(part.split()))


def _shown(token: Token) -> str:
    if token.type == "code_inline":
        return CODE
    return " " if token.type in ("softbreak", "hardbreak") else token.content


def links(markdown: str) -> Iterator[tuple[str, str]]:
    """Return where each link and picture of a page leads, as path and anchor; addresses elsewhere are left out."""
    for token in READER.parse(markdown):
        for child in token.children or ():
            target = str(child.attrGet("href") or child.attrGet("src") or "")
            if target and not re.match(r"[a-z]+:", target):
                path, _, anchor = target.partition("#")
                yield path, anchor


def anchors(markdown: str) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    tokens = READER.parse(markdown)
    titles = [
        "".join(child.content for child in token.children or ())
        for before, token in pairwise(tokens)
        if before.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
