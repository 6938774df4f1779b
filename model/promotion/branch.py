"""The protected branch as a judgement asks it: whose word counted, since when a file is there, what a commit held."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from model.document import read_document
from model.nodes import plain
from model.promotion.approvers import read_approvers
from model.promotion.record import Approvers
from model.promotion.signers import Signers, read_signers

SIGNERS, APPROVERS = "promotions/signers.yaml", "promotions/approvers.yaml"
# Clocks of two machines differ by no more, or one of them must be set.
SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The commit by which the protected branch got a file, when that was, and the commit before it (None: none)."""

    commit: str
    before: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word counts at one place; None where their file cannot be read. `where` names the place for people."""

    where: str
    signers: Signers | None
    approvers: Approvers | None


class Branch(ABC):
    """The branch that nothing reaches unreviewed; paths are relative to the data folder, commits are full names."""

    def __init__(self, name: str, tip: str) -> None:
        self.name = name
        self.tip = tip
        self._trusts: dict[str, Trust] = {}

    @abstractmethod
    def content(self, commit: str, path: str) -> bytes | None:
        """Return what a file held at a commit; None when it was not there."""

    @abstractmethod
    def arrival(self, path: str, *, last: bool) -> Arrival | None:
        """Return by which commit the branch got a file (`last`: got it as it is now); None when it has no such file."""

    @abstractmethod
    def held(self, commit: str) -> datetime | None:
        """Return when a commit was made that the branch holds; None for one that it does not hold."""

    @abstractmethod
    def objections(self) -> tuple[bytes, ...]:
        """Return the notes that say who asked for changes at a forge, as far as they were fetched."""

    def trust(self, commit: str) -> Trust:
        """Return whose word counted at a commit."""
        if commit not in self._trusts:
            where = self.name if commit == self.tip else f"{self.name} at {commit[:12]}"
            self._trusts[commit] = Trust(where, self._signers(commit), self._approvers(commit))
        return self._trusts[commit]

    def _signers(self, commit: str) -> Signers | None:
        content = self.content(commit, SIGNERS)
        return None if content is None else read_signers(Path(), content).value

    def _approvers(self, commit: str) -> Approvers | None:
        content = self.content(commit, APPROVERS)
        return None if content is None else read_approvers(Path(), content).value


@dataclass(frozen=True, slots=True)
class Judge:
    """By what promotions are judged: the time, and the protected branch.

    Without a time nothing is too late; without a branch, outside of git, the files beside the records say whose word
    counts.
    """

    now: datetime | None = None
    branch: Branch | None = None

    def arrival(self, stacks: Path, path: str, *, last: bool = False) -> Arrival | None:
        """Return by which commit the protected branch got a file of the data folder; None for what is only proposed.

        A file that says another thing than the branch's own is a proposal, whatever the branch has in its place.
        """
        if self.branch is None:
            return None
        held = self.branch.content(self.branch.tip, path)
        if held is None or not _same(stacks / path, held):
            return None
        return self.branch.arrival(path, last=last)

    def present(self, stacks: Path) -> Trust:
        """Return whose word counts now."""
        return self.branch.trust(self.branch.tip) if self.branch else own_trust(stacks)

    def trusts(self, stacks: Path, arrival: Arrival | None) -> tuple[Trust, ...]:
        """Return who must accept a file: those whose word counted before it came, and those whose word counts now."""
        tip = self.present(stacks)
        if self.branch is None or arrival is None:
            return (tip,)
        before = self.branch.trust(arrival.before or arrival.commit)
        return (before,) if before.signers == tip.signers else (before, tip)

    def seen(self, arrival: Arrival | None) -> datetime | None:
        """Return since when a file is known to be there: since it came, or only now."""
        if self.branch is None:
            return None
        return arrival.at if arrival else self.now


def _same(file: Path, held: bytes) -> bool:
    """Say whether a file says what is held: style and comments do not count."""
    here, there = read_document(file), read_document(file, held)
    if here.root is None or there.root is None:
        return False
    return here.errors == there.errors and plain(here.root) == plain(there.root)


def own_trust(stacks: Path) -> Trust:
    """Return whose word counts by the files of the data folder itself."""
    return Trust("stacks/promotions", read_signers(stacks).value, read_approvers(stacks).value)
