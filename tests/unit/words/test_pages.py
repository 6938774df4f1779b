"""Hostile texts through Markdown, as a reader of its own sees comments and reports: they stay texts."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from model.words import printable
from pipelines import comment, drift, markdown
from pipelines.affected import Affected
from pipelines.review import Reviewed
from pipelines.stack import Plan, Step
from tests.support import hostile

READER = MarkdownIt("gfm-like", {"linkify": False})
# Also what `validate` refuses: file names and errors are nobody's valid data.
ANY = hostile.texts() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
LINES = st.lists(ANY | st.sampled_from(["```", "~~~~", "````text", "<!-- iot-broker-review -->", "# x"])).map(
    "\n".join
)


def every(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from every(token.children or ())


def kinds(text: str) -> set[str]:
    return {token.type for token in every(READER.parse(text))}


@given(ANY)
def test_a_text_inside_a_line_is_shown_as_it_is(text: str) -> None:
    tokens = READER.parse(f"before {markdown.inline(text)} behind")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert {token.type for token in children} <= {"text", "code_inline"}
    shown = "".join(token.content for token in children).removeprefix("before ").removesuffix(" behind")
    # A reader takes a space off both ends of code; no text of the model begins or ends with one.
    assert shown.strip() == printable(text).strip()


@given(ANY, ANY)
def test_a_text_in_a_table_is_one_cell(one: str, other: str) -> None:
    table = f"| a | b |\n|---|---|\n| {markdown.cell(one)} | {markdown.cell(other)} |"
    cells = [token for token in READER.parse(table) if token.type == "td_open"]
    assert len(cells) == 2
    assert kinds(table) <= {
        *(
            "table_open",
            "thead_open",
            "tr_open",
            "th_open",
            "inline",
            "text",
            "th_close",
            "tr_close",
            "thead_close",
        ),
        *("tbody_open", "td_open", "td_close", "tbody_close", "table_close", "code_inline"),
    }


@given(LINES)
def test_a_block_ends_where_it_was_ended(text: str) -> None:
    tokens = READER.parse(f"{markdown.block(text)}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == "".join(f"{printable(line)}\n" for line in text.splitlines())


def reviewed(text: str) -> Reviewed:
    """A review in which every text is this one."""
    step = Step("delete", text, text, (text, text))
    found = Reviewed(
        "0" * 40, "main", Affected((text,), {text: text}, ()), {text: Plan(text, (step,))}, {text: text}
    )
    found.problems.append(text)
    return found


@pytest.mark.parametrize("text", [*hostile.FRAGMENTS, "```\n# Approved", "x\n\n| a |\n|---|", "\x1b[2J"])
def test_a_review_has_the_same_parts_whatever_it_is_about(text: str) -> None:
    wanted = [token.type for token in READER.parse(comment.text(reviewed("plain")))]
    assert [token.type for token in READER.parse(comment.text(reviewed(text)))] == wanted
    assert "\x1b" not in comment.text(reviewed(text))


@pytest.mark.parametrize("text", [*hostile.FRAGMENTS, "```\n# Approved", "\x1b[2J"])
def test_a_report_of_drift_has_the_same_parts_whatever_it_is_about(text: str) -> None:
    def report(word: str) -> str:
        plan = Plan(word, (Step("update", word, word, (word,)),))
        return drift.text([drift.Drift(word, plan), drift.Drift(word, None, word)])

    wanted = [token.type for token in READER.parse(report("plain"))]
    assert [token.type for token in READER.parse(report(text))] == wanted
