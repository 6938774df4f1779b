"""A change of a site's phase from the gates to the files: one record and one site file, or nothing at all."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from model import Site
from model.calendar import Moment
from model.datafile import as_data, file_text
from model.promotion import Judge
from model.promotion.chain import Chain, folder_of
from model.promotion.record import (
    RECORD_FORMAT,
    GateResult,
    Kind,
    Override,
)
from model.promotion.signers import Signer
from model.rollout import IncumbentState, Phase
from model.words import printable
from sitectl.gates import Outcome

LONGEST = 1000


@dataclass(frozen=True)
class Change:
    """What is to be recorded: `edits` are values by path of keys in the site's file."""

    site: Site
    chain: Chain
    kind: Kind
    enters: Phase
    incumbent: IncumbentState
    edits: Mapping[tuple[str, ...], str]
    outcomes: tuple[Outcome, ...] = ()
    override: Override | None = None

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """The gates that have not passed."""
        return tuple(outcome for outcome in self.outcomes if not outcome.passed)


@dataclass(frozen=True)
class Written:
    """The two files of a change, and their texts."""

    record: Path
    record_text: str
    site_file: Path
    site_text: str
    content: str = field(repr=False, default="")


def site_text(stacks: Path, change: Change) -> str:
    """Return the text of the site's file with the change in it; raises model.edit.NotEditableError."""
    from model.edit import set_value

    text = site_file(stacks, change.site.name).read_text(encoding="utf-8")
    for path, value in change.edits.items():
        text = set_value(text, path, value)
    return text


def site_file(stacks: Path, site: str) -> Path:
    """Return a site's file."""
    return stacks / "sites" / f"{site}.yaml"


def write(root: Path, change: Change, signer: Signer, judge: Judge, identity: str | None = None) -> Written:
    """Sign the record, check everything as it would be, and write both files; the site's file is the last.

    Raises model.edit.NotEditableError, sitectl.git.GitError, sitectl.signing.SigningError or model.SiteErrors; then
    nothing was written.
    """
    from model.errors import SiteErrors
    from sitectl import candidate, git
    from sitectl.signing import signed

    stacks, now = root / "stacks", judge.now
    assert now is not None  # noqa: S101 - what is recorded has its time
    text = site_text(stacks, change)
    _refuse_uncommitted(root)
    data = signed(_unsigned(change, text, git.user(root), git.commit(root), now), signer, now, identity)
    name = f"{data['sequence']:04}-{change.enters}.yaml"
    record = folder_of(stacks, change.site.name) / name
    record_text = file_text(data, "../../promotion.schema.json", *_heading(change))
    files = {record.relative_to(stacks): record_text, Path("sites") / f"{change.site.name}.yaml": text}
    mistakes = candidate.mistakes(stacks, change.site.name, files, judge)
    if mistakes:
        raise SiteErrors(mistakes)
    put(record, record_text, new=True)
    # What is between these two writes is a state with a name: `validate` tells it, the same command finishes it.
    put(site_file(stacks, change.site.name), text)
    return Written(record, record_text, site_file(stacks, change.site.name), text, str(data["content"]))


def finish(root: Path, change: Change, judge: Judge) -> Path:
    """Write the site's file of a change whose record is there already; raises model.SiteErrors."""
    from model.errors import SiteErrors
    from sitectl import candidate

    stacks = root / "stacks"
    text = site_text(stacks, change)
    mistakes = candidate.mistakes(
        stacks, change.site.name, {Path("sites") / f"{change.site.name}.yaml": text}, judge
    )
    if mistakes:
        raise SiteErrors(mistakes)
    put(site_file(stacks, change.site.name), text)
    return site_file(stacks, change.site.name)


def put(file: Path, text: str, *, new: bool = False) -> None:
    """Write a file whole or not at all; a `new` one never takes the place of another (FileExistsError)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        if new:
            os.link(aside, file)
        else:
            aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)


def results(outcomes: Iterable[Outcome]) -> tuple[GateResult, ...]:
    """Return what the gates found as a record keeps it."""
    return tuple(
        GateResult(
            gate=outcome.gate,
            passed=outcome.passed,
            figure=_sentence(outcome.figure),
            threshold=_sentence(outcome.threshold),
            source=_sentence(outcome.source),
            window=_sentence(outcome.window),
            reason=_sentence(outcome.reason) if outcome.reason else None,
        )
        for outcome in outcomes
    )


def _sentence(text: str) -> str:
    one_line = " ".join(printable(text).split())
    return one_line if len(one_line) <= LONGEST else f"{one_line[: LONGEST - 1]}…"


def _unsigned(change: Change, text: str, user: str, commit: str, now: datetime) -> dict[str, object]:
    """Return what the record says, in the order of its file (`model.promotion.record.Record`)."""
    data: dict[str, object] = {
        "format": RECORD_FORMAT,
        "site": change.site.name,
        "sequence": len(change.chain.records) + 1,
        "kind": change.kind,
        "leaves": change.site.phase,
        "enters": change.enters,
        "incumbent": change.incumbent,
        "made_by": user,
        "made_at": str(Moment.of(now)),
        "commit": commit,
        "previous": change.chain.head,
        "site_file": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
        "gates": [as_data(result) for result in results(change.outcomes)],
    }
    return data | ({"override": as_data(change.override)} if change.override else {})


def _refuse_uncommitted(root: Path) -> None:
    """Refuse data that no commit has: the record names the commit that the gates were measured on."""
    from sitectl import git

    open_files = [path for path in git.uncommitted(root, "stacks") if "/Pulumi." not in path]
    if open_files:
        more = f" and {len(open_files) - 1} more" if len(open_files) > 1 else ""
        raise git.GitError(
            f"{open_files[0]}{more}: not committed, and the record names the commit that was judged",
            "commit it, or put it away (`git stash`), and do this again",
        )


def _heading(change: Change) -> tuple[str, ...]:
    return (
        "",
        f"Record of a {change.kind} of {change.site.name}, written by sitectl. It is chained and signed: never edit,",
        "rename or remove it.",
    )
