"""A git checkout of the data with a protected branch, at times of the tests' own, for judgements of promotions."""

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from components import protected
from model.calendar import Moment
from model.datafile import file_text
from model.edit import set_value
from model.estate import load_estate
from model.promotion import Chain, Judge, read_chain
from model.promotion.chain import approval_mistakes
from model.promotion.record import Kind
from model.rollout import Phase
from tests.support import records
from tests.support.records import SITE
from tests.support.shell import copy_program

BEGAN = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WHO = ("-c", "user.name=Tests", "-c", "user.email=tests@field.example")


@dataclass
class Repository:
    """The checkout; `now` is the time of the next commit, which goes on by an hour with each."""

    root: Path
    now: datetime = field(default=BEGAN)

    @property
    def stacks(self) -> Path:
        """The data folder."""
        return self.root / "stacks"

    @property
    def site_file(self) -> Path:
        """The file of the sample site."""
        return self.stacks / "sites" / f"{SITE}.yaml"

    def git(self, *arguments: str) -> str:
        """Run git at the repository's own time, and return what it prints."""
        when = self.now.isoformat()
        done = subprocess.run(
            ("git", *WHO, *arguments),
            cwd=self.root,
            env={**os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def commit(self, message: str = "More") -> str:
        """Commit everything, and let an hour pass; return the commit's name."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.now += timedelta(hours=1)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str = "change/it") -> None:
        """Go on with a new branch."""
        self.git("checkout", "--quiet", "-B", name)

    def merge(self, name: str = "change/it") -> str:
        """Merge a branch into main by a merge commit, as a forge does, and stay on main."""
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", f"Merge {name}", name)
        self.now += timedelta(hours=1)
        return self.git("rev-parse", "HEAD")

    def write(self, path: str, data: dict[str, Any]) -> None:
        """Write a data file, by its path in the data folder."""
        file = self.stacks / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file_text(data, "schema.json"), encoding="utf-8")

    def promote(
        self,
        number: int = 1,
        kind: Kind = "promotion",
        leaves: Phase = "pilot",
        enters: Phase = "parallel",
        previous: str = "none",
        **changes: Any,
    ) -> dict[str, Any]:
        """Write what `sitectl promote` writes: the record and the site's file; return the record."""
        text = set_value(self.site_file.read_text(), ("phase",), enters)
        self.site_file.write_text(text)
        facts = {
            "commit": self.git("rev-parse", "main"),
            "made_at": str(Moment.of(self.now)),
            "site_file": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
        }
        entry = records.record(number, kind, leaves, enters, previous, **{**facts, **changes})
        self.write(records.record_path(entry), entry)
        return entry

    def approve(self, entry: dict[str, Any], *approvals: dict[str, Any]) -> None:
        """Write approvals of a record: those given, or of the two that are needed."""
        self.write(records.approvals_path(entry), records.approvals(entry, *approvals))

    def judge(self) -> Judge:
        """Return who judges: at the time of the tests, by the checkout's own protected branch."""
        return protected.judge(self.root, now=NOW)

    def chain(self) -> Chain:
        """Return the judged records of the sample site."""
        return read_chain(self.stacks, SITE, self.judge())

    def problems(self) -> list[str]:
        """Return what `validate` says of the sample site."""
        estate = load_estate(self.stacks, [SITE], self.judge())
        unapproved = [
            error for chain in estate.chains.values() for error in approval_mistakes(self.stacks, chain)
        ]
        return [f"{error.file.name}: {error.key}: {error.problem}" for error in (*estate.errors, *unapproved)]


def repository(folder: Path) -> Repository:
    """Make a checkout whose branch `main` has signers and approvers, and no record."""
    made = Repository(copy_program(folder))
    made.write("promotions/signers.yaml", records.signers())
    made.write("promotions/approvers.yaml", records.approvers())
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit("The data as it is")
    return made
