"""Judges the approvals of a record: each is a person's own signature, and whether there are enough of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.datafile import DataFile, content_of, read_file
from model.document import read_document
from model.errors import SiteError
from model.nodes import Scalar
from model.promotion.approvers import made, may_approve, signed_by
from model.promotion.branch import SKEW, Judge, Trust
from model.promotion.judge import is_former, refused
from model.promotion.objection import standing_objection
from model.promotion.record import (
    APPROVAL_FORMAT,
    FORMER_APPROVALS,
    Approval,
    Approvals,
    FormerApprovals,
    Record,
)
from model.promotion.signers import refusal
from model.words import did_you_mean, quoted

APPROVALS = ".approvals.yaml"


@dataclass(frozen=True, slots=True)
class Standing:
    """Who has approved a record so that it counts, what is lacking in words (nothing: enough), and every mistake.

    `objection` says who still asks for changes at a forge, as far as the notes of it say (`model.promotion.objection`).
    """

    approved: tuple[str, ...]
    lacking: str
    errors: tuple[SiteError, ...] = ()
    objection: str = ""


def approvals_file(record_file: Path) -> Path:
    """Return the file of the approvals of a record, which lies beside it."""
    return record_file.with_name(record_file.stem + APPROVALS)


def read_approvals(file: Path) -> DataFile[Approvals] | DataFile[FormerApprovals]:
    """Read approvals in the format that they name."""
    root = read_document(file).root
    form = root.entries.get("format") if root is not None else None
    if isinstance(form, Scalar) and form.value == FORMER_APPROVALS:
        return read_file(file, FormerApprovals)
    return read_file(file, Approvals)


def signed_content(record: Record, approval: dict[str, Any]) -> str:
    """Return `sha256:…` of what one person says yes to: their entry, with the site and the record that it is for."""
    entry = {key: value for key, value in approval.items() if key != "signature"}
    return content_of({"format": APPROVAL_FORMAT, "site": record.site, "record": record.content, **entry})


def standing(record_file: Path, record: Record, judge: Judge, stacks: Path) -> Standing:
    """Judge the approvals of a record, and objections to it; never raises for what the files hold."""
    arrival = judge.arrival(stacks, f"promotions/{record.site}/{record_file.name}")
    trusts = judge.trusts(stacks, arrival)
    former = is_former(record, arrival, judge, stacks)
    found = _approved(record_file, record, judge, stacks, trusts, former=former)
    return found if former else replace(found, objection=standing_objection(record, judge, trusts))


def _approved(
    record_file: Path, record: Record, judge: Judge, stacks: Path, trusts: tuple[Trust, ...], *, former: bool
) -> Standing:
    file = approvals_file(record_file)
    if not file.exists() and not file.is_symlink():
        return Standing((), "" if former else _lacking(record, (), (), trusts[0]))
    entry = read_approvals(file)
    if entry.value is None:
        return Standing((), f"{file.name} cannot be read", entry.errors)
    if isinstance(entry.value, FormerApprovals):
        return _former(entry, entry.value, record, trusts, former=former)
    return _signed(entry, entry.value, record, judge, stacks, former=former)


def _signed(
    entry: DataFile[Any], found: Approvals, record: Record, judge: Judge, stacks: Path, *, former: bool
) -> Standing:
    arrival = judge.arrival(stacks, f"promotions/{record.site}/{entry.file.name}", last=True)
    trusts, seen = judge.trusts(stacks, arrival), judge.seen(arrival)
    errors: list[SiteError] = []
    counted = []
    if (found.site, found.record) != (record.site, record.content):
        errors.append(_of_another(entry))
    written: Any = entry.data["approvals"]
    for approval, data in zip(found.approvals, written, strict=True):
        key = ("approvals", approval.name)
        wrong = _refusal(approval, record, trusts, judge)
        if wrong is None:
            content = signed_content(record, data)
            wrong = refused(trusts, "approval", APPROVAL_FORMAT, content, approval.signature, seen)
        if wrong is not None:
            errors.append(entry.error(key, *wrong))
        else:
            counted.append(approval.name)
    decided = [name for name in counted if record.override and name == record.override.approver]
    counted = [name for name in counted if name not in decided]
    lacking = "" if former else _lacking(record, tuple(counted), tuple(decided), trusts[0])
    return Standing(tuple(counted), lacking, tuple(errors))


def _refusal(
    approval: Approval, record: Record, trusts: tuple[Trust, ...], judge: Judge
) -> tuple[str, str] | None:
    """Return why an entry does not count, whatever its signature says; None when nothing speaks against it."""
    approvers = trusts[0].approvers
    if approvers is None:
        return f"the approvers of {trusts[0].where} cannot be read", "put approvers.yaml right first"
    person = approvers.named(approval.name)
    if person is None:
        known = [entry.name for entry in approvers.approvers]
        return f"{quoted(approval.name)} is no approver of {trusts[0].where}", did_you_mean(
            approval.name, known
        )
    if approval.role != person.role:
        return (
            f"{quoted(approval.name)} is {person.role}, not {approval.role}",
            f"write {quoted(person.role)}",
        )
    if wrong := may_approve(person, approvers, record.site):
        return wrong
    if made(person, record):
        return (
            f"{quoted(person.name)} made the record: people do not approve their own",
            "have another person approve",
        )
    if not signed_by(person, approval.signature):
        who = quoted(approval.signature.signer)
        return (
            f"is signed by {who}, which is not the own key or name of {quoted(person.name)}",
            f"have {quoted(person.name)} approve: `sitectl approve {record.site} --by {person.name}`",
        )
    if any(other is not person and signed_by(other, approval.signature) for other in approvers.approvers):
        return "is signed by a key that two approvers share", "give each their own, in approvers.yaml"
    moments = (approval.made_at.at, approval.signature.made_at.at)
    if min(moments) < record.made_at.at - SKEW or abs(moments[0] - moments[1]) > SKEW:
        return f"is of {approval.made_at}, and the record of {record.made_at}", "approve what is there"
    if judge.now is not None and max(moments) > judge.now + SKEW:
        return f"is of {approval.made_at}, which is later than now", "look at the clock, and approve again"
    return None


def _lacking(record: Record, counted: tuple[str, ...], decided: tuple[str, ...], trust: Trust) -> str:
    """Return what a record lacks; a rollback may be needed at any hour, and is approved by whoever merges it."""
    if trust.approvers is None:
        return f"the approvers of {trust.where} cannot be read"
    reasons = []
    needed = 0 if record.kind == "rollback" else trust.approvers.needed
    if len(counted) < needed:
        names = f" ({', '.join(counted)})" if counted else ""
        reasons.append(f"{len(counted)} of {needed} approvals{names}")
    if record.override is not None and not decided:
        reasons.append(f"no approval of {record.override.approver}, who is to have overridden a gate")
    return " and ".join(reasons)


def _former(
    entry: DataFile[Any], found: FormerApprovals, record: Record, trusts: tuple[Trust, ...], *, former: bool
) -> Standing:
    """Judge approvals that one key signed for everybody: they count for what former rules judged, and not beyond."""
    names = tuple(approval.name for approval in found.approvals)
    if not former:
        wrong = entry.error(
            ("format",),
            "is of a time when one key signed for all approvers",
            f"have each approver sign: remove the file, then `sitectl approve {record.site} --by NAME`",
        )
        return Standing((), _lacking(record, (), (), trusts[0]), (wrong,))
    errors = []
    if found.content != content_of(entry.data):
        errors.append(
            entry.error(
                ("content",), "is not the hash of what the file says: it was edited", "restore it as it was"
            )
        )
    if (found.site, found.record) != (record.site, record.content):
        errors.append(_of_another(entry))
    signers = trusts[-1].signers
    wrong_signature = signers and refusal(signers, "approval", found.format, found.content, found.signature)
    if wrong_signature:
        errors.append(entry.error(("signature",), *wrong_signature))
    return Standing(names, "", tuple(errors))


def _of_another(entry: DataFile[Any]) -> SiteError:
    return entry.error(
        ("record",), "approves another record than the one beside it", "have it approved again"
    )
