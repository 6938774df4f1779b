"""One stack's state and lock through the `pulumi` command, which alone writes them."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.words import lines, printable
from sitectl.run_pulumi import NotRunError, run_pulumi
from sitectl.vault_token import for_pulumi

_LOCKED = re.compile(r"the stack is currently locked|Another update is currently in progress", re.IGNORECASE)
# As Pulumi's own back ends word it: `file:///….json: created by USER@HOST (pid N) at TIME`.
_HOLDER = re.compile(
    r"created by (?P<user>[^@\s]*)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)", re.MULTILINE
)


@dataclass(frozen=True)
class Holder:
    """Who holds a stack's lock, as the lock says: a process `pid` on `host`, since an RFC 3339 time."""

    user: str
    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host} (pid {self.pid}) since {self.since}"


class StackError(Exception):
    """`pulumi` ended with an error: the command, and its own last words."""

    def __init__(self, command: str, words: str) -> None:
        super().__init__(f"`{printable(command)}` failed:\n{lines(words)}")
        self.words = words


class LockedError(StackError):
    """The stack is locked; `holders` may be empty where the back end does not name them."""

    def __init__(self, command: str, words: str) -> None:
        super().__init__(command, words)
        self.holders = holders(words)


def is_locked(words: str) -> bool:
    """Say whether Pulumi's words are those of a stack that is locked."""
    return _LOCKED.search(words) is not None


def holders(words: str) -> tuple[Holder, ...]:
    """Return who holds the lock, as Pulumi's words name them."""
    return tuple(
        Holder(found["user"], found["host"], int(found["pid"]), found["since"])
        for found in _HOLDER.finditer(words)
    )


@dataclass(frozen=True)
class Stack:
    """The stack of a site, for the program in `root`."""

    root: Path
    site: str

    def export(self) -> dict[str, Any]:
        """Return the state as `pulumi stack export` gives it, secrets encrypted; raises StackError."""
        document: dict[str, Any] = json.loads(self._ask("stack", "export"))
        return document

    def backend(self) -> str:
        """Return the address of the back end that keeps the state; raises StackError."""
        return str(json.loads(self._ask("whoami", "--json", stack=False))["url"])

    def write(self, document: dict[str, Any]) -> None:
        """Put a state in place of the stack's, without pending operations; raises StackError, LockedError."""
        self._ask("stack", "import", text=json.dumps(document))

    def unlock(self) -> None:
        """Take every lock of the stack away; raises StackError."""
        self._ask("cancel", self.site, "--yes", stack=False)

    def refresh(self) -> str:
        """Make the state what the servers have, and return what Pulumi said; raises StackError."""
        return self._ask("refresh", "--yes", "--skip-preview", "--suppress-outputs")

    def unprotect(self) -> None:
        """Take the protection of every resource away, in the state; raises StackError."""
        self._ask("state", "unprotect", "--all", "--yes")

    def destroy(self, *, quiet: bool) -> None:
        """Delete everything that the state holds, shown as Pulumi shows it unless `quiet`; raises StackError."""
        arguments = ("destroy", "--yes", "--skip-preview")
        if quiet:
            self._ask(*arguments)
            return
        command = self._command(*arguments)
        done = self._run(command, None, shown=True)
        if done.returncode:
            raise StackError(" ".join(command), "its own words are above")

    def _command(self, *arguments: str, stack: bool = True) -> tuple[str, ...]:
        named = ("--stack", self.site) if stack else ()
        return ("pulumi", *arguments, *named, "--non-interactive")

    def _ask(self, *arguments: str, text: str | None = None, stack: bool = True) -> str:
        command = self._command(*arguments, stack=stack)
        done = self._run(command, text, shown=False)
        if done.returncode:
            words = (done.stdout + done.stderr).strip()
            last = "\n".join(words.splitlines()[-25:])
            raise (LockedError if is_locked(words) else StackError)(" ".join(command), last)
        return done.stdout

    def _run(
        self, command: tuple[str, ...], text: str | None, *, shown: bool
    ) -> "subprocess.CompletedProcess[str]":
        try:
            return run_pulumi(command, self.root, for_pulumi(), text=text, shown=shown)
        except NotRunError as error:
            raise StackError(" ".join(command), str(error)) from None
