"""What verbs print is aligned, bare where nobody sees colour, and quiet where nobody watches."""

import io
import sys

import click
import pytest

from sitectl.output import colourful, paint, progress, table, width


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_are_aligned_without_trailing_spaces() -> None:
    assert table(("a", "long"), [("wide one", "x"), ("", "y")]) == "a         long\nwide one  x\n          y"


def test_colour_and_wide_characters_do_not_move_columns() -> None:
    red = click.style("bad", fg="red")
    lines = table(("a", "b"), [(red, "x"), ("油", "y"), ("e\u0301", "z")]).splitlines()
    assert {width(line) for line in lines} == {6}


def test_a_pipe_gets_no_colour() -> None:
    assert paint("ok", "good", io.StringIO()) == "ok"


def test_a_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint("ok", "good", Terminal()) == click.style("ok", fg="green", bold=False)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_switched_colour_off_gets_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert not colourful(Terminal())


def test_progress_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("working"):
        pass
    assert capsys.readouterr().err == ""


def test_progress_clears_its_line_also_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen)
    with pytest.raises(ValueError, match="no"), progress("working"):
        raise ValueError("no")
    assert "\r" in screen.getvalue()
