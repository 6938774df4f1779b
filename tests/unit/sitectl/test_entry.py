"""However a command ends, it ends in words: no traceback, a code that is not zero, and JSON where that is asked for."""

import pytest

from sitectl import entry
from sitectl.failure import SCHEMA_FILE, ErrorDocument, schema
from tests.support.shell import REPOSITORY

LONG = "x" * 300


WRONG = {
    "a name of 300 letters": ("render", LONG),
    "a key of 300 letters": ("explain", "eagle-ford", LONG),
    "no such verb": ("vallidate",),
    "no such flag": ("sites", "--jsn"),
    "output on a file": ("render", "eagle-ford", "--out", str(REPOSITORY / "README.md")),
    "output where no file can be": ("render", "eagle-ford", "--out", "/proc/nowhere"),
    "output without a name": ("render", "eagle-ford", "--out", ""),
    "a file where a folder stands": ("new", LONG, "--kind", "onshore-field"),
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_done_is_said_in_words(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code = entry.run(arguments)
    assert code not in (0, entry.FAULT)
    words = capsys.readouterr().err
    assert words.strip()
    assert "Traceback" not in words


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_with_json_the_words_are_json(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code = entry.run((*arguments, "--json"))
    assert code not in (0, entry.FAULT)
    failure = ErrorDocument.model_validate_json(capsys.readouterr().out).error
    assert failure.exit_code == code
    assert failure.message


def test_a_fault_of_the_kit_is_words_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("sitectl.main.main.main", fails)
    assert entry.run(["sites"]) == entry.FAULT
    assert "a fault of the kit: ZeroDivisionError: by nothing" in capsys.readouterr().err
    assert entry.run(["sites", "--json"]) == entry.FAULT
    assert ErrorDocument.model_validate_json(capsys.readouterr().out).error.exit_code == entry.FAULT
    # The control: who mends the kit can see where it was.
    monkeypatch.setenv("SITECTL_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        entry.run(["sites"])


def test_the_schema_of_errors_is_fresh() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema()
