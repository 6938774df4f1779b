"""`sitectl new` on a terminal: it lists the kinds, refuses a wrong answer at once, and loses no right one."""

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from model import load_site
from model.site import Kind
from sitectl.new_questions import KIND, QUESTIONS
from tests.support.shell import REPOSITORY

SECONDS = 60
PATIENCE = 5
CTRL_C, CTRL_D = "\x03", "\x04"
ANSWERS = {
    "Kind of asset": "refinery",
    "Name for people": "Bakken: Williams County",
    "Region": "us-north-central",
    "DNS suffix": "bakken.field.example",
    "Organisation": "Bakken Field Operations",
    "EMQX edition": "opensource",
    "EMQX version": "5.8.9",
    "Time zone": "America/Chicago",
    "Assets": "pad-7=Well pad 7",
    "Names of the assets": "pad-7",
    "Who answers": "engineer:j-lund=Jo Lund; operator:desk=Control desk",
    "Network zones": "field=10.50.0.0/16; dmz=10.51.0.0/24",
    "The broker that is replaced": "Licensed IoT broker, release 4.9",
    "DNS name of that broker": "mqtt-old.bakken.field.example",
    "Last day of that broker's licence": "2028-01-31",
    "What that licence costs": "",
}


class Terminal:
    """A terminal on which the real command runs."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            (sys.executable, "-m", "sitectl", "new", *arguments),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", "TERM": "dumb"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # The terminal becomes the command's own: Ctrl-C on it interrupts the command.
            preexec_fn=_own_terminal,  # noqa: PLW1509 - no thread is started before
        )
        os.close(theirs)
        self.shown = ""
        self._seen = 0

    def until(self, words: str) -> str:
        """Read until words are shown after those that were waited for before; return what was shown meanwhile."""
        while (at := self.shown.find(words, self._seen)) < 0:
            ready, _, _ = select.select([self._ours], [], [], SECONDS)
            assert ready, f"{words!r} is not shown: {self.shown}"
            text = self._read()
            assert text, f"the command ended before {words!r}: {self.shown}"
            self.shown += text
        meanwhile = self.shown[self._seen : at]
        self._seen = at + len(words)
        return meanwhile

    def answer(self, question: str, text: str) -> str:
        """Wait for a question and answer it; return what was shown before it."""
        before = self.until(question)
        self.until("): ")
        self.type(f"{text}\n")
        return before

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def press(self, key: str, until: str) -> None:
        """Press a key until words are shown: readline forgets what is pressed while it takes the terminal."""
        deadline = time.monotonic() + SECONDS
        while until not in self.shown:
            assert time.monotonic() < deadline, self.shown
            self.type(key)
            while select.select([self._ours], [], [], PATIENCE)[0] and (text := self._read()):
                self.shown += text

    def end(self) -> int:
        """Read to the end; return the exit code."""
        while select.select([self._ours], [], [], SECONDS)[0] and (text := self._read()):
            self.shown += text
        return self._process.wait(SECONDS)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def _read(self) -> str:
        try:
            return os.read(self._ours, 4096).decode().replace("\r\n", "\n")
        except OSError:  # the command has ended, and with it the terminal
            return ""


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "stacks", tmp_path / "stacks")
    shutil.copy2(REPOSITORY / "Pulumi.yaml", tmp_path)
    return tmp_path


@pytest.fixture
def terminal(program: Path) -> Iterator[Terminal]:
    made = Terminal(program, "bakken")
    yield made
    made.close()


def test_a_site_with_one_asset_is_made_from_answers(program: Path, terminal: Terminal) -> None:
    for question, text in ANSWERS.items():
        terminal.answer(question, text)
    assert terminal.end() == 0, terminal.shown
    site = load_site(program / "stacks", "bakken")
    assert (site.kind, [asset.name for asset in site.assets], site.scope) == (
        "refinery",
        ["pad-7"],
        ("pad-7",),
    )
    assert str(site.incumbent.licence_ends) == "2028-01-31"
    assert site.incumbent.licence_cost is None
    assert "wrote stacks/sites/bakken.yaml" in terminal.shown


def test_the_kinds_are_listed_and_a_wrong_answer_is_refused_at_once(terminal: Terminal) -> None:
    terminal.until("Kind of asset")
    listed = terminal.until("): ")
    for kind in get_args(Kind):
        assert kind in listed
    terminal.type("refinry\n")
    assert "did you mean `refinery`?" in terminal.answer("Kind of asset", "refinery")
    terminal.answer("Name for people", "Bakken")
    terminal.answer("Region", "us-north-central")
    # What another site has is seen at once, too.
    terminal.answer("DNS suffix", "eagle-ford.field.example")
    assert "is also the domain of eagle-ford" in terminal.answer("DNS suffix", "bakken.field.example")


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_an_interrupt_gives_the_answers_back_as_a_command(
    program: Path, terminal: Terminal, key: str
) -> None:
    before = sorted(program.rglob("*"))
    terminal.answer("Kind of asset", "refinery")
    terminal.answer("Name for people", "Bakken: Jo's")
    terminal.until("Region")
    terminal.until("): ")
    terminal.press(key, "continue with: ")
    assert terminal.end() == 130
    assert "Traceback" not in terminal.shown
    line = next(line for line in terminal.shown.splitlines() if "continue with: " in line)
    assert shlex.split(line.partition("continue with: ")[2]) == [
        *("sitectl", "new", "bakken"),
        *("--kind", "refinery"),
        *("--title", "Bakken: Jo's"),
    ]
    assert sorted(program.rglob("*")) == before


def test_a_wrong_flag_is_asked_again_and_the_right_ones_are_not(program: Path) -> None:
    terminal = Terminal(program, "bakken", "--kind", "refinery", "--title", "Bakken", "--region", "US North")
    try:
        assert "`US North` is not allowed here" in terminal.answer("Region", "us-north-central")
        terminal.until("DNS suffix")
        assert "Name for people" not in terminal.shown
    finally:
        terminal.close()


def test_the_name_is_asked_for_where_none_is_given(program: Path) -> None:
    terminal = Terminal(program)
    try:
        terminal.answer("Name of the site", "eagle-ford")
        assert "exists already" in terminal.answer("Name of the site", "bakken")
        terminal.until("Kind of asset")
    finally:
        terminal.close()


def test_the_listed_kinds_are_all_there_are() -> None:
    assert KIND.choices == get_args(Kind) != ()
    limited = {question.flag: question.choices for question in QUESTIONS if question.choices}
    assert limited == {"--kind": KIND.choices, "--edition": ("opensource", "enterprise")}


def test_each_question_has_keys_by_which_its_mistakes_are_known() -> None:
    assert [question.flag for question in QUESTIONS if not question.keys] == []
