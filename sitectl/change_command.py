"""What `promote`, `rollback` and `retire` have in common: from the site's data to the two files."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from model import Site
    from model.promotion import Judge
    from model.promotion.record import Override
    from sitectl.change import Change, Written
    from sitectl.gates import Context, Gate, Outcome


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every change has."""
    for option in reversed(
        (
            click.option("--dry-run", is_flag=True, help="Show the gates; write and sign nothing."),
            click.option(
                "--at", "moment", metavar="MOMENT", help="With --dry-run: judge by another time, in UTC."
            ),
            click.option("--signer", help="Who signs; needed when more than one may sign promotions."),
            click.option("--identity", help="Keyless: the name that the certificate is asked for."),
            click.option(
                "--override", "reason", metavar="REASON", help="Continue although a gate has not passed."
            ),
            click.option("--approver", metavar="NAME", help="With --override: who decided it, not you."),
            click.option(
                "--json", "as_json", is_flag=True, help="Print the gates and what was written as JSON."
            ),
        )
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Options:
    """How a change was asked for."""

    dry_run: bool
    moment: str | None
    signer: str | None
    identity: str | None
    reason: str | None
    approver: str | None
    as_json: bool


@dataclass(frozen=True)
class Ready:
    """Everything that a change needs, loaded and checked."""

    root: Path
    context: "Context"
    judge: "Judge"

    @property
    def stacks(self) -> Path:
        """The data folder."""
        return self.root / "stacks"


def load(name: str, asked: Options) -> Ready:
    """Load the site with its records and whoever may sign; refuse, with every mistake, what is not right."""
    from model.estate import load_estate
    from sitectl import problems
    from sitectl.judging import judge
    from sitectl.root import program_root

    root = program_root()
    now = _moment(asked)
    judged_by = judge(root, now)
    estate = load_estate(root / "stacks", [name], judged_by)
    if estate.errors:
        problems.refuse_data(estate.errors)
    (site,) = estate.sites
    return Ready(root, _context(root, site, estate.chains[name], judged_by), judged_by)


def finished(name: str, kind: str, enters: str | None, asked: Options) -> bool:
    """Finish a change of this kind whose record was written and whose site file was not; say whether there was one."""
    from model import SiteErrors, load_site
    from model.promotion import read_chain
    from sitectl import problems
    from sitectl.change import Change, finish
    from sitectl.judging import judge
    from sitectl.root import program_root

    root = program_root()
    try:
        site = load_site(root / "stacks", name)
    except SiteErrors:
        return False
    judged_by = judge(root)
    chain = read_chain(root / "stacks", name, judged_by)
    last = chain.records[-1] if chain.records and not chain.errors else None
    if last is None or last.kind != kind or enters not in (None, last.enters) or last.leaves != site.phase:
        return False
    if last.kind == "retirement" and site.incumbent.state == "retired":
        return False
    edits: dict[tuple[str, ...], str]
    edits = {("incumbent", "state"): "retired"} if kind == "retirement" else {("phase",): last.enters}
    if kind == "rollback":
        from sitectl.rollback import kept_retention

        edits |= kept_retention(site)
    if asked.dry_run:
        click.echo(
            f"record {last.sequence} is written, and the site's file does not follow it yet: run it without --dry-run"
        )
        return True
    try:
        file = finish(root, Change(site, chain, last.kind, last.enters, last.incumbent, edits), judged_by)
    except SiteErrors as errors:
        problems.refuse_data(errors.errors)
    click.echo(
        f"record {last.sequence} was written before; changed {problems.short(file)} to follow it",
        err=asked.as_json,
    )
    return True


def site_with(root: Path, name: str, edits: "Mapping[tuple[str, ...], str]") -> "Site":
    """Return the site as it would be with values set in its file; refuse, with every mistake, one that cannot be."""
    import shutil
    import tempfile
    from dataclasses import replace

    from model import SiteErrors, load_site
    from model.edit import set_value
    from sitectl import problems

    stacks = root / "stacks"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "stacks"
        for part in ("profiles", "phases"):
            shutil.copytree(stacks / part, copy / part)
        shutil.copy2(stacks / "defaults.yaml", copy / "defaults.yaml")
        (copy / "sites").mkdir()
        text = (stacks / "sites" / f"{name}.yaml").read_text(encoding="utf-8")
        for path, value in edits.items():
            text = set_value(text, path, value)
        (copy / "sites" / f"{name}.yaml").write_text(text, encoding="utf-8")
        try:
            return load_site(copy, name)
        except SiteErrors as errors:
            there = [replace(error, file=stacks / error.file.relative_to(copy)) for error in errors.errors]
            problems.refuse_data(there)


def measure(ready: Ready, gates: "Iterator[Gate]", what: str) -> "tuple[Outcome, ...]":
    """Measure every gate, with a sign of life on a terminal."""
    from sitectl import output
    from sitectl.gates.edges import measured

    with output.progress(what):
        return measured(gates, ready.context)


def override(ready: Ready, asked: Options, outcomes: "tuple[Outcome, ...]") -> "Override | None":
    """Return the decision to go on all the same, when there is one; refuse one that nobody may make."""
    from model.promotion.approvers import ADD_APPROVER, is_author, may_approve
    from model.promotion.record import Override
    from model.words import did_you_mean, printable, quoted
    from sitectl import git, problems

    if asked.reason is None and asked.approver is None:
        return None
    if all(outcome.passed for outcome in outcomes):
        problems.refuse("every gate passes: there is nothing to override\nNothing was written.")
    if not (asked.reason or "").strip() or not asked.approver:
        problems.refuse("an override needs both: --override REASON and --approver NAME\nNothing was written.")
    trust = ready.judge.present(ready.stacks)
    if trust.approvers is None:
        problems.refuse(f"the approvers of {trust.where} cannot be read\nNothing was written.")
    known = {person.name: person for person in trust.approvers.approvers}
    person = known.get(asked.approver)
    if person is None:
        remedy = did_you_mean(asked.approver, known, ADD_APPROVER)
        problems.refuse(
            f"{quoted(asked.approver)} is no approver of {trust.where}\n    {remedy}\nNothing was written."
        )
    if wrong := may_approve(person, trust.approvers, ready.context.site.name):
        problems.refuse(f"{wrong[0]}\n    {wrong[1]}\nNothing was written.")
    try:
        author = git.user(ready.root)
    except git.GitError as error:
        problems.refuse(f"{error}\nNothing was written.")
    if is_author(person, author):
        problems.refuse(
            f"{quoted(person.name)} is you ({author}): a gate is overridden by another person\n"
            "    name another person, who has agreed and will sign it\nNothing was written."
        )
    reason = " ".join(printable(asked.reason or "").split())[:1000]
    return Override(reason=reason, approver=person.name)


def conclude(
    ready: Ready, change: "Change", asked: Options, *, before: Callable[[], None] | None = None
) -> None:
    """Show the gates; then refuse, or sign and write. Exits 1 when a gate has not passed and nobody overrides it."""
    from sitectl import change_output, output

    if not asked.as_json:
        click.echo(f"{change.site.name}: {change.kind}, {change.site.phase} to {change.enters}\n")
        change_output.gates(change.outcomes)
        if before is not None:
            before()
    refused = bool(change.refused) and change.override is None
    if refused or asked.dry_run:
        if asked.as_json:
            output.write_json(change_output.as_data(change))
        else:
            change_output.not_written(change, refused=refused)
        sys.exit(1 if refused else 0)
    if change.override is not None:
        change_output.overridden(change)
    written = _written(ready, change, asked)
    if asked.as_json:
        output.write_json(change_output.as_data(change, written))
    else:
        change_output.wrote(change, written)


def _written(ready: Ready, change: "Change", asked: Options) -> "Written":
    """Sign and write, or refuse with a sentence."""
    from model import SiteErrors
    from model.edit import NotEditableError
    from sitectl import output, problems
    from sitectl.change import write
    from sitectl.git import GitError
    from sitectl.sign import able
    from sitectl.signing import SigningError

    signer = able("promotion", asked.signer)
    try:
        with output.progress("signing"):
            return write(ready.root, change, signer, ready.judge, asked.identity)
    except SiteErrors as errors:
        problems.refuse_data(errors.errors)
    except FileExistsError as error:
        problems.refuse(f"{error.filename2 or error.filename} is there already: rebase and promote again")
    except (NotEditableError, GitError, SigningError) as error:
        problems.refuse(f"{error}\nNothing was written.")


def _context(root: Path, site: Any, chain: Any, judge: "Judge") -> "Context":
    from sitectl.gates import Context
    from sitectl.prometheus import configured

    return Context(
        site=site,
        leave=site.limits.leave,
        chain=chain,
        judge=judge,
        stacks=root / "stacks",
        prometheus=configured(root, site.name),
    )


def _moment(asked: Options) -> datetime:
    from model.calendar import Moment
    from model.units import UnitError
    from model.words import quoted
    from sitectl import problems

    if asked.moment is None:
        return datetime.now(UTC)
    if not asked.dry_run:
        raise click.UsageError("--at is for --dry-run: a record says when it was made")
    try:
        return Moment.parse(asked.moment).at
    except UnitError as error:
        problems.refuse(f"--at: {quoted(asked.moment)} {error.problem}\n    {error.remedy}")
