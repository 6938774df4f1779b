"""Hostile texts and file names through `sitectl`: nothing of them is acted on by a terminal or a shell."""

import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import SiteError, report
from model.words import lines, printable
from pipelines.stack import PulumiError
from sitectl import entry
from sitectl.git import GitError
from sitectl.output import json_text, paint, table
from tests.unit.model.bad_sites import copy_of_stacks

REPOSITORY = Path(__file__).parents[3]
ANY = st.text(st.characters(codec="utf-8"))
ACTS = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\u200b\r"


def acts(text: str) -> bool:
    """Whether a terminal would do more with it than show it."""
    return not text.replace("\n", "").isprintable()


@given(ANY, ANY, ANY)
def test_mistakes_are_shown_and_not_acted_on(name: str, problem: str, remedy: str) -> None:
    error = SiteError(Path("sites") / f"{name.replace(chr(0), '')}.yaml", 1, name, problem, remedy)
    assert not acts(report([error]))


@given(st.lists(ANY, min_size=1, max_size=4))
def test_a_table_shows_its_cells(cells: list[str]) -> None:
    assert not acts(table(["column"] * len(cells), [cells]))


@given(ANY)
def test_the_words_of_git_and_pulumi_are_shown(text: str) -> None:
    assert not acts(str(GitError(text, text)))
    assert not acts(str(PulumiError(text, text)))


@given(st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner), max_leaves=5))
def test_json_is_shown_and_says_the_same(data: object) -> None:
    assert not acts(json_text(data))
    assert json.loads(json_text(data)) == data


def test_colours_of_the_kit_stay_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sitectl.output.colourful", lambda _stream: True)
    assert paint("no", "bad") in table(["passed"], [[paint("no", "bad")]])


def test_lines_stay_lines() -> None:
    assert lines("a\tb\r\nc\x1bd") == "a b\nc\N{REPLACEMENT CHARACTER}d"
    assert printable("a\nb") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    "verb", [("validate",), ("sites",), ("validate", "--json"), ("explain", "eagle-ford", "title")]
)
def test_a_verb_shows_hostile_names_of_files_and_texts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: tuple[str, ...],
) -> None:
    stacks = copy_of_stacks(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text((REPOSITORY / "Pulumi.yaml").read_text())
    text = (stacks / "sites" / "eagle-ford.yaml").read_text()
    (stacks / "sites" / f"evil{ACTS}```.yaml").write_text(text)
    (stacks / "sites" / "eagle-ford.yaml").write_text(
        text.replace("title: Eagle Ford, Karnes County", f"title: {json.dumps(ACTS)}")
    )
    monkeypatch.chdir(tmp_path)
    code = entry.run(verb)
    out, err = capsys.readouterr()
    assert code == 1, err
    assert "Traceback" not in err
    assert not acts(out)
    assert not acts(err)


@given(ANY.map(lambda text: text.replace("\x00", "")))
def test_a_path_in_a_command_to_paste_is_one_word(text: str) -> None:
    assert shlex.split(f"git add {shlex.quote(text)}") == ["git", "add", text]
