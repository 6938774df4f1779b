"""A site's records as a chain: each names the hash of the one before, and is signed."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from model.datafile import DataFile, content_of, read_file
from model.errors import SiteError
from model.promotion.approving import APPROVALS, Standing, standing
from model.promotion.branch import Judge
from model.promotion.judge import AGAIN, judged
from model.promotion.objection import ASKED
from model.promotion.record import NOTHING_BEFORE, Record
from model.promotion.signers import read_signers
from model.rollout import PHASES
from model.site import Site
from model.words import listed, quoted

FILE = re.compile(r"(\d{4})-([a-z]+)\.yaml", re.ASCII)


@dataclass(frozen=True, slots=True)
class Chain:
    """What has happened to a site's phase, the earliest first, as far as it can be read; and every mistake."""

    site: str
    records: tuple[Record, ...]
    errors: tuple[SiteError, ...] = ()
    standings: Mapping[int, Standing] = field(default_factory=dict)
    """How each record stands with those who approve, by its number."""
    merged: frozenset[int] = frozenset()
    """The numbers of the records that the protected branch has."""

    @property
    def head(self) -> str:
        """`content` of the last record; `none` when nothing has happened yet."""
        return self.records[-1].content if self.records else NOTHING_BEFORE

    @property
    def phase(self) -> str:
        """The phase that the records lead to."""
        return self.records[-1].enters if self.records else PHASES[0]

    @property
    def last_change(self) -> Record | None:
        """The record by which the site came into its phase; None while it is in its first one."""
        return next((record for record in reversed(self.records) if record.kind != "retirement"), None)

    def unapproved(
        self, *, after: str = NOTHING_BEFORE, objections: bool = True
    ) -> Iterator[tuple[Record, str]]:
        """Yield the records that lack approvals or that a reviewer objects to, and what they have instead.

        Those that follow the one of a content hash. `objections` are left out by who asks the forge itself.
        """
        contents = [record.content for record in self.records]
        first = contents.index(after) + 1 if after in contents else 0
        for record in self.records[first:]:
            found = self.standings.get(record.sequence)
            objection = found.objection if found is not None and objections else ""
            words = " and ".join(part for part in (found.lacking if found else "", objection) if part)
            if words:
                yield record, words

    def entered(self, site: Site) -> date:
        """Return the day (in UTC) on which the site came into its phase."""
        last = self.last_change
        return last.made_at.at.date() if last else site.started.date

    def days_in_phase(self, site: Site, today: date) -> int:
        """Return for how many whole days the site has been in its phase."""
        return max((today - self.entered(site)).days, 0)

    def window_ends(self, site: Site) -> datetime | None:
        """Return until when the site may go back to the phase before; None where there is none."""
        from datetime import timedelta

        last, window = self.last_change, site.limits.rollback_window
        return last.made_at.at + timedelta(seconds=window.seconds) if last and window else None


def folder_of(stacks: Path, site: str) -> Path:
    """Return the folder of a site's records."""
    return stacks / "promotions" / site


def read_chain(stacks: Path, name: str, judge: Judge | None = None) -> Chain:
    """Read a site's records and judge each, and how they follow on each other; never raises for what they hold."""
    judge = judge or Judge()
    folder = folder_of(stacks, name)
    if not folder.is_dir():
        return Chain(name, ())
    files = sorted(folder.iterdir())
    known = [file for file in files if FILE.fullmatch(file.name)]
    errors = list(_strays(files, known))
    read = [read_file(file, Record) for file in known]
    errors += [error for entry in read for error in entry.errors]
    errors += read_signers(stacks).errors
    complete = sorted(
        ((entry, entry.value) for entry in read if entry.value is not None), key=lambda pair: pair[1].sequence
    )
    before: Record | None = None
    standings = {}
    for entry, record in complete:
        own = list(_own_mistakes(entry, record, name))
        errors += own
        if not own:  # what is not what it says needs no judgement
            last = record is complete[-1][1]
            errors += judged(entry, record, before, judge, stacks, last=last)
            standings[record.sequence] = standing(entry.file, record, judge, stacks)
            errors += standings[record.sequence].errors
        before = record
    errors += _forks(complete)
    if len(complete) == len(read):
        errors += _broken_links(complete, folder)
    records = tuple(record for _, record in complete)
    merged = frozenset(
        record.sequence
        for record in records
        if judge.arrival(stacks, f"promotions/{name}/{record.file_name}") is not None
    )
    return Chain(name, records, tuple(errors), standings, merged)


def approval_mistakes(stacks: Path, chain: Chain) -> Iterator[SiteError]:
    """Yield the records that the protected branch got without the approvals they need, and any that is objected to."""
    for record, lacking in chain.unapproved():
        if record.sequence in chain.merged or ASKED in lacking:
            file = folder_of(stacks, chain.site) / record.file_name
            yield SiteError(file, None, "", *unapproved_words(record, lacking))


def unapproved_words(record: Record, lacking: str) -> tuple[str, str]:
    """Return what is wrong with a record that lacks approvals, or is objected to, and what would be right."""
    remedy = f"have it approved, by each approver: `sitectl approve {record.site} --by NAME`"
    if ASKED in lacking:
        remedy = (
            "have the objection withdrawn there, and fetch what the pipeline then notes (docs/pipelines.md); "
            f"or take the phase back: `sitectl rollback {record.site}`"
        )
    return f"record {record.sequence} has {lacking}", remedy


def mistakes_with(stacks: Path, site: Site, chain: Chain) -> Iterator[SiteError]:
    """Yield where a site's file says another thing than its records; broken records are told by themselves."""
    if chain.errors:
        return
    file = stacks / "sites" / f"{site.name}.yaml"
    if chain.phase != site.phase:
        last = chain.records[-1] if chain.records else None
        if last is not None and last.leaves == site.phase and last.kind != "retirement":
            problem = (
                f"{quoted(site.phase)} is not what record {last.sequence} leads to: {quoted(last.enters)}"
            )
            verb = (
                f"promote {site.name} --to {last.enters}"
                if last.kind == "promotion"
                else f"rollback {site.name}"
            )
            remedy = f"the change is half made: `sitectl {verb}` finishes it"
        else:
            problem = f"{quoted(site.phase)} has no record: the records lead to {quoted(chain.phase)}"
            remedy = (
                f"write {quoted(chain.phase)}; a phase is changed by `sitectl promote` or `sitectl rollback`"
            )
        yield SiteError(file, _line_of(file, "phase"), "phase", problem, remedy)
        return
    retired = bool(chain.records) and chain.records[-1].incumbent == "retired"
    if retired != (site.incumbent.state == "retired"):
        problem = (
            "is not what the last record says: `retired`"
            if retired
            else f"{quoted(site.incumbent.state)} has no record"
        )
        remedy = f"`sitectl retire {site.name}` {'finishes it' if retired else 'retires it, and records it'}"
        yield SiteError(file, _line_of(file, "incumbent"), "incumbent.state", problem, remedy)


def _line_of(file: Path, key: str) -> int | None:
    from model.document import read_document

    root = read_document(file).root
    node = root.entries.get(key) if root else None
    return node.origin.line if node else None


def _strays(files: list[Path], known: list[Path]) -> Iterator[SiteError]:
    records = {file.stem for file in known}
    for file in files:
        if file in known or file.name.startswith("."):
            continue
        if file.name.endswith(APPROVALS) and file.name.removesuffix(APPROVALS) in records:
            continue
        problem = (
            "is no record" if not file.name.endswith(APPROVALS) else "approves a record that is not here"
        )
        yield SiteError(file, None, "", problem, "restore the record, or remove the file")


def _own_mistakes(entry: DataFile[Record], record: Record, name: str) -> Iterator[SiteError]:
    if record.content != content_of(entry.data):
        yield entry.error(
            ("content",),
            "is not the hash of what the file says: the record was edited",
            "restore it as it was (`git log` knows it): records are never changed",
        )
    if record.site != name:
        yield entry.error(("site",), f"{quoted(record.site)} is another site", f"write {quoted(name)}")
    if entry.file.name != record.file_name:
        problem = f"the file of this record is {quoted(record.file_name)}"
        yield entry.error(("sequence",), problem, "restore its name")


def _forks(entries: list[tuple[DataFile[Record], Record]]) -> Iterator[SiteError]:
    counted = Counter(record.sequence for _, record in entries)
    for entry, record in entries:
        if counted[record.sequence] > 1:
            problem = f"two records have the number {record.sequence}: two branches promoted the site"
            yield entry.error(("sequence",), problem, AGAIN)


def _broken_links(entries: list[tuple[DataFile[Record], Record]], folder: Path) -> Iterator[SiteError]:
    """Yield where records do not follow on each other: numbers, hashes, phases and times."""
    ordered = sorted(entries, key=lambda pair: pair[1].sequence)
    before: Record | None = None
    for entry, record in ordered:
        number = before.sequence if before else 0
        if record.sequence > number + 1:
            missing = listed((f"{value:04}" for value in range(number + 1, record.sequence)), "and")
            yield SiteError(
                folder, None, "", f"record {missing} is missing", "restore it: records are never removed"
            )
        elif record.sequence == number + 1:
            yield from _broken_link(entry, record, before)
        before = record


def _broken_link(entry: DataFile[Record], record: Record, before: Record | None) -> Iterator[SiteError]:
    expected = before.content if before else NOTHING_BEFORE
    if record.previous != expected:
        problem = "is not the hash of the record before: another one has taken its place"
        yield entry.error(("previous",), problem, AGAIN)
    phase = before.enters if before else PHASES[0]
    if record.leaves != phase:
        problem = f"the site was in phase {quoted(phase)}, not {quoted(record.leaves)}"
        yield entry.error(("leaves",), problem, AGAIN)
    if before and record.made_at < before.made_at:
        problem = f"{quoted(record.made_at)} is before the record before it ({before.made_at})"
        yield entry.error(("made_at",), problem, "look at the clock of the machine that made it")
    steps = {"promotion": 1, "rollback": -1, "retirement": 0}
    if PHASES.index(record.enters) - PHASES.index(record.leaves) != steps[record.kind]:
        problem = f"a {record.kind} does not lead from {quoted(record.leaves)} to {quoted(record.enters)}"
        yield entry.error(("kind",), problem, "restore the record as it was made")
    if (record.incumbent == "retired") is not (record.kind == "retirement"):
        problem = f"a {record.kind} does not leave the incumbent {quoted(record.incumbent)}"
        yield entry.error(("incumbent",), problem, "restore the record as it was made")
    if before and before.incumbent == "retired":
        problem = "the incumbent was retired before it: there is no phase after that"
        yield entry.error(("sequence",), problem, "remove what was made after the retirement")
