"""Takes the commands out of a runbook, in their order, and runs them at a deployed site, each by its own program."""

import contextlib
import os
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.support.shell import REPOSITORY, Outcome, Shell
from tests.support.walk import commands

RUNBOOKS = REPOSITORY / "runbooks"
PAGES = sorted(RUNBOOKS.glob("*.md"))
SITE = "eagle-ford"
# What is said in running text is a command if it begins so.
PROGRAMS = (
    *("k", "kubectl", "vault", "vault_get", "sitectl", "pulumi", "ctl", "emqx", "cmctl", "openssl", "curl"),
    *("jq", "opa", "eval", "umask", "kafka-console-consumer.sh", "helm", "git", "make", "python", "docker"),
)
# Stand before the real ones: see `runbook_program.sh`.
WATCHED = (
    *("kubectl", "vault", "sitectl", "pulumi", "cmctl", "openssl", "curl", "jq", "opa"),
    *("grep", "base64", "awk", "kafka-console-consumer.sh"),
)
# Where a page rightly finds nothing: events are kept for an hour, and few of many certificates are one client's.
MAY_BE_EMPTY = r"get events"
MAY_FIND_NOTHING = r"^(-qxF .*|-i opa)$"
_NO_PROGRAM = 'command_not_found_handle() { echo "no program: $*" >> "$RUNBOOK_FAILURES"; return 127; }'
_PART = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$|(?<!`)`([^`]+)`(?!`)", re.MULTILINE | re.DOTALL)
_NAMES_A_SITE = re.compile(r"(?<![$\w{])SITE\b")
_WORD_TO_FILL = re.compile(r"(?<![$\w{-])[A-Z]{2,}(?:_[A-Z]+)*\b(?![=}\w-])|…")
_QUERY = re.compile(r"\w\{\w+=~?\"")
_OTHER_CAPITALS = re.compile(r"\bunset [A-Z_ ]+|--request [A-Z]+|\b[A-Z]+:\.")
_SHELL_ERROR = re.compile(r"^(?:bash|/bin/bash): .*", re.MULTILINE)


class Step(NamedTuple):
    """A command of a page: of a block, or named in the running text (`inline`)."""

    text: str
    inline: bool

    @property
    def is_mention(self) -> bool:
        """Say whether the text names a command without saying what of: `kubectl exec`."""
        return self.inline and len(self.text.split()) == 2 and not self.text.startswith(("umask", "emqx"))


@dataclass(frozen=True)
class Scene:
    """What a page's situation has that the sample site has not: shell before and after it, a reader's own values."""

    before: str = ""
    after: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    prints: tuple[str, ...] = ()
    """Words that the page's commands print, besides going well."""


class Elsewhere(NamedTuple):
    """Commands that are not run here, the reason, and the test that runs them: a file, and words that are in it."""

    commands: str
    reason: str
    file: str
    words: str


@cache
def steps(text: str) -> tuple[Step, ...]:
    """Return the commands of a page's text in their order, with the lab's site for the page's."""
    return tuple(_steps(text))


def _steps(text: str) -> Iterator[Step]:
    for found in _PART.finditer(text):
        indent, language, body, words = found.groups()
        if words is not None:
            if is_command(words := " ".join(words.split())):
                yield Step(_NAMES_A_SITE.sub(SITE, words), inline=True)
        elif language == "sh":
            block = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
            for command in commands(re.sub(r"^SITE=\S+", f"SITE={SITE}", block, flags=re.MULTILINE)):
                yield Step(command, inline=False)


def said(text: str) -> list[str]:
    """Return what the running text sets as code."""
    return [" ".join(found[4].split()) for found in _PART.finditer(text) if found[4] is not None]


def queries(text: str) -> Iterator[str]:
    """Return what a page asks Prometheus, in blocks and in the text, with the lab's site for the page's."""
    for found in _PART.finditer(text):
        _, language, body, words = found.groups()
        lines = body.splitlines() if language == "promql" else [words] if _QUERY.search(words or "") else []
        yield from (re.sub(r"\$?\bSITE\b", SITE, line.strip()) for line in lines)


def is_command(words: str) -> bool:
    """Say whether words of the running text are something to type."""
    return words.split(" ", 1)[0] in PROGRAMS and " " in words


def filled(step: Step, values: Mapping[str, str]) -> str:
    """Return the command with the reader's own values for the words in capitals."""
    text = step.text
    for word, value in values.items():
        before, *rest = re.split(rf"(?<![$\w{{]){word}\b(?!=)", text)
        text = value.join((before, *rest))
    return text


def unfilled(command: str) -> list[str]:
    """Return the words in capitals for which a reader has to put a value."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: _outside_patterns(quoted[0]), command)
    return _WORD_TO_FILL.findall(_OTHER_CAPITALS.sub("", re.sub(r"#.*$", "", bare, flags=re.MULTILINE)))


def _outside_patterns(quoted: str) -> str:
    """Return what is in quotes, unless it is a pattern or a query: these have capitals of their own."""
    return quoted if re.fullmatch(r"[\"'][\w./:=$@-]*[\"']", quoted) else ""


def elsewhere(step: Step, table: tuple[Elsewhere, ...]) -> Elsewhere | None:
    """Return the entry that says why a command is not run here, None where it is."""
    return next((entry for entry in table if re.fullmatch(entry.commands, step.text)), None)


def typed(page: str, scene: Scene, table: tuple[Elsewhere, ...]) -> dict[Step, str]:
    """Return what a reader of the page types for each command; raises KeyError for a word without a value."""
    lines = {}
    for step in steps(page):
        if elsewhere(step, table):
            continue
        command = filled(step, scene.values)
        if missing := unfilled(command):
            raise KeyError(f"no value for {missing} of: {step.text}")
        if step.is_mention:
            command = f"{command} --help >/dev/null"
        lines[step] = f"( {command} )" if step.inline else command
    return lines


def script(page: str, scene: Scene, table: tuple[Elsewhere, ...]) -> str:
    """Return the shell that a reader of the page types, in its order."""
    lines = typed(page, scene, table)
    return "\n".join([_NO_PROGRAM, *(lines[step] for step in steps(page) if step in lines)])


@dataclass(frozen=True)
class Reader:
    """A person on call who follows runbooks at the lab: `folder` has the kit's files, `programs` go before PATH."""

    shell: Shell
    folder: Path
    variables: Mapping[str, str]

    def follow(self, text: str) -> tuple[list[str], Outcome]:
        """Run a script; return what did not work, each command with its program's words, and what was printed."""
        for name in ("failures", "asked", "forwards"):
            (self.folder / name).write_text("")
        outcome = self.run(text)
        failures = (self.folder / "failures").read_text().splitlines()
        return [*failures, *_SHELL_ERROR.findall(outcome.err), *self._left_running()], outcome

    def _left_running(self) -> Iterator[str]:
        """Stop what a page left running, and say so of each."""
        for line in (self.folder / "forwards").read_text().splitlines():
            number, asked = line.split(" ", 1)
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGTERM)
                yield f"is left running: {asked}"

    def run(self, text: str) -> Outcome:
        """Run shell in the folder, with the programs that watch, whatever it ends with."""
        return self.shell.run(
            "bash", "-c", f"cd {self.folder}\n{text}", check=False, variables=self.variables
        )

    @property
    def asked(self) -> list[str]:
        """What the last script asked EMQX, in EMQX's own words."""
        return (self.folder / "asked").read_text().splitlines()


def reader(shell: Shell, folder: Path, more: Mapping[str, str]) -> Reader:
    """Make the folder of a reader: the kit's files, and the programs that watch."""
    for name in ("programs", "pod/data/backup", "memory", "scratch"):
        (folder / name).mkdir(parents=True)
    (folder / "pod" / "data" / "backup" / "emqx-export.tar.gz").write_text("an archive")
    support = REPOSITORY / "tests" / "support"
    (folder / "pod" / "emqx").symlink_to(support / "runbook_emqx.sh")
    for program in WATCHED:
        (folder / "programs" / program).symlink_to(support / "runbook_program.sh")
    # Data is never read through a link.
    shutil.copytree(shell.folder, folder, symlinks=True, dirs_exist_ok=True)
    (folder / "policies").symlink_to(REPOSITORY / "policies")
    path = shell.environment.get("PATH", os.environ["PATH"])
    variables = {
        "PATH": f"{folder / 'programs'}{os.pathsep}{path}",
        "RUNBOOK_PATH": path,
        "RUNBOOK_FAILURES": str(folder / "failures"),
        "RUNBOOK_ASKED": str(folder / "asked"),
        "RUNBOOK_FORWARDS": str(folder / "forwards"),
        "RUNBOOK_FOLDER": str(folder / "scratch"),
        "RUNBOOK_MEMORY": str(folder / "memory"),
        "RUNBOOK_POD": str(folder / "pod"),
        "RUNBOOK_KUBECONFIG": shell.administration["KUBECONFIG"],
        "RUNBOOK_VAULT_TOKEN": shell.administration["VAULT_TOKEN"],
        "RUNBOOK_MAY_BE_EMPTY": MAY_BE_EMPTY,
        "RUNBOOK_MAY_FIND_NOTHING": MAY_FIND_NOTHING,
        **more,
    }
    # Some pages print a key on purpose; the shell's own logs are searched for such.
    return Reader(replace(shell, logs=[]), folder, variables)
