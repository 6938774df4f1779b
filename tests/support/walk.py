"""Follows a page of the documentation: takes its commands out of the fenced blocks and runs them, each as its role."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"^```sh\n# ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_BLOCK = re.compile(r"^ *```sh$", re.MULTILINE)
HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)
EVERY_ROLE = "Every role"
SECONDS = 600
# Commands that ask a person on a terminal; a pipeline says it beforehand.
ASKING = ("sitectl destroy", "sitectl recover")
# Prints the command that failed; what it wrote itself stands before.
PREAMBLE = "set -Eeuo pipefail\ntrap 'echo \"failed: $BASH_COMMAND\" >&2' ERR\n"


class Block(NamedTuple):
    """Commands under a heading, for one role, as the page has them."""

    heading: str
    role: str
    commands: tuple[str, ...]


def blocks(page: str) -> Iterator[Block]:
    """Return the page's blocks of shell in their order; each says its role in its first line."""
    assert len(BLOCK.findall(page)) == len(ANY_BLOCK.findall(page)), "a block does not say its role"
    for found in BLOCK.finditer(page):
        heading = HEADING.findall(page[: found.start()])[-1]
        yield Block(heading, found[1], tuple(commands(found[2])))


def commands(text: str) -> Iterator[str]:
    """Take a block's text apart into whole commands: a line, or the lines that a shell needs to understand it."""
    begun: list[str] = []
    for line in text.splitlines():
        begun.append(line)
        command = "\n".join(begun)
        if not line.endswith("\\") and _is_whole(command):
            if command.strip():
                yield command
            begun = []
    assert not begun, f"no shell understands {begun}"


def _is_whole(command: str) -> bool:
    done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, check=False)
    return done.returncode == 0 and not done.stderr


def filled(command: str, values: Mapping[str, str]) -> str:
    """Give `export NAME=VALUE` the reader's own value, as the page asks for it; no other line is touched."""
    if not command.startswith("export "):
        return command
    for name, value in values.items():
        before, found, after = command.partition(f" {name}=")
        if found:
            command = f"{before}{found}{value}{after.removeprefix(after.split(maxsplit=1)[0])}"
    return command


def exported(command: str) -> list[str]:
    """Return the names that a line exports a value for."""
    return re.findall(r"(?<=\s)([A-Z_]+)=", command) if command.startswith("export ") else []


@dataclass
class Walk:
    """A walk through a page in `folder`: each role keeps the variables that it exported.

    `values` are those of every role; `credentials` what each role brings with it, `own` its values beside.
    """

    folder: Path
    machine: Mapping[str, str]
    values: Mapping[str, str]
    own: Mapping[str, Mapping[str, str]]
    skipped: Mapping[str, str]
    environments: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    shared: list[str] = field(default_factory=list)
    passed_over: set[str] = field(default_factory=set)

    def bring(self, role: str, **variables: str) -> None:
        """Give a role the credentials that it comes with."""
        self.environments.setdefault(role, dict(self.machine)).update(variables)

    def follow(self, block: Block) -> str:
        """Run a block's commands as its role, and return what they printed; the first that fails ends the walk."""
        if block.role == EVERY_ROLE:
            self.shared += block.commands
            return ""
        values = {**self.values, **self.own.get(block.role, {})}
        kept = [filled(command, values) for command in (*self.shared, *self._runnable(block))]
        keep = self.folder / ".environment"
        script = f"{PREAMBLE}{chr(10).join(kept)}\nenv -0 > {keep}\n"
        self.bring(block.role)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environments[block.role],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, (
            f"{block.heading}, {block.role}: ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        pairs = keep.read_text().rstrip("\0").split("\0")
        self.environments[block.role] = dict(pair.split("=", 1) for pair in pairs)
        keep.unlink()
        return done.stdout + done.stderr

    def _runnable(self, block: Block) -> Iterator[str]:
        for command in block.commands:
            reason = next((start for start in self.skipped if command.startswith(start)), None)
            if reason is None:
                yield f"{command} --yes" if command.startswith(ASKING) else command
            else:
                self.passed_over.add(reason)


def machine(path: list[Path], home: Path) -> dict[str, str]:
    """Return the environment of a terminal on which nothing is set but where programs are."""
    before = os.pathsep.join(str(folder) for folder in path)
    return {"PATH": f"{before}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8"}
