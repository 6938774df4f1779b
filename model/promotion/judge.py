"""Judges one record: who signed it, what it rests on, when it was made, and what the commit that it names held."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from model.datafile import DataFile, content_of
from model.document import read_document
from model.errors import SiteError
from model.nodes import Mapping, Scalar, plain, trail
from model.promotion.approvers import ADD_APPROVER, made, may_approve
from model.promotion.branch import SKEW, Arrival, Branch, Judge, Trust
from model.promotion.gates import gates_of
from model.promotion.record import RECORD_FORMAT, Record, Signature
from model.promotion.signers import Use, refusal
from model.rollout import Leave
from model.words import did_you_mean, listed, quoted

AGAIN = "rebase and promote again"
AS_MADE = "restore the record as it was made"
# A record is signed as it is made; what is signed a day later is signed for another reason.
SIGNED_WITHIN = timedelta(days=1)


def refused(
    trusts: Iterable[Trust], use: Use, form: str, content: str, signature: Signature, seen: datetime | None
) -> tuple[str, str] | None:
    """Return why a signature does not count with all who must accept it, and what would be right; None: it does."""
    for trust in trusts:
        if trust.signers is None:
            problem = f"the signers of {trust.where} cannot be read: no signature counts"
            return problem, "have stacks/promotions/signers.yaml put right first, by a change of its own"
        wrong = refusal(trust.signers, use, form, content, signature, seen)
        if wrong is not None:
            return f"{wrong[0]} (by the signers of {trust.where})", wrong[1]
    return None


def is_former(record: Record, arrival: Arrival | None, judge: Judge, stacks: Path) -> bool:
    """Say whether a record counts as former rules judged it: by when the branch got it, not by its own word."""
    approvers = judge.present(stacks).approvers
    until = approvers.former_rules_until if approvers else None
    if until is None:
        return False
    if judge.branch is None:
        return record.made_at <= until
    return arrival is not None and arrival.at <= until.at


def judged(
    entry: DataFile[Record], record: Record, before: Record | None, judge: Judge, stacks: Path, *, last: bool
) -> Iterator[SiteError]:
    """Yield what is wrong with a record; `before` is the one that it follows, `last` says that none follows it."""
    arrival = judge.arrival(stacks, _path(record))
    trusts = judge.trusts(stacks, arrival)
    seen = judge.seen(arrival)
    wrong = refused(trusts, "promotion", RECORD_FORMAT, record.content, record.signature, seen)
    if wrong is not None:
        yield entry.error(("signature",), *wrong)
    yield from _untimely(entry, record, arrival, judge)
    if is_former(record, arrival, judge, stacks):
        return
    leave = _leave(judge, stacks, arrival, record)
    yield from _gate_mistakes(entry, record, leave)
    yield from _override_mistakes(entry, record, trusts[0])
    if judge.branch is not None:
        yield from _commit_mistakes(entry, record, before, judge.branch, leave)
        yield from _site_file_mistakes(entry, record, arrival, judge.branch, stacks, last=last)


def _path(record: Record) -> str:
    return f"promotions/{record.site}/{record.file_name}"


def _untimely(
    entry: DataFile[Record], record: Record, arrival: Arrival | None, judge: Judge
) -> Iterator[SiteError]:
    """Yield the times of a record that cannot be: later than now, or than it came to the protected branch."""
    signed = record.signature.made_at
    clock = "look at the clock of the machine that made it, and make it again"
    for key, moment in ((("made_at",), record.made_at), (("signature", "made_at"), signed)):
        if judge.now is not None and moment.at > judge.now + SKEW:
            yield entry.error(key, f"{quoted(moment)} is later than now", clock)
        elif arrival is not None and judge.branch is not None and moment.at > arrival.at + SKEW:
            problem = (
                f"{quoted(moment)} is later than {judge.branch.name} got it ({arrival.at:%Y-%m-%d %H:%M} UTC)"
            )
            yield entry.error(key, problem, clock)
    if not record.made_at.at - SKEW <= signed.at <= record.made_at.at + SIGNED_WITHIN:
        problem = f"the signature is of {signed}, and the record of {record.made_at}"
        yield entry.error(("signature", "made_at"), problem, "sign a record when it is made")


def _leave(judge: Judge, stacks: Path, arrival: Arrival | None, record: Record) -> Leave | None:
    """Return what the phase that is left asks for: by the protected branch as it was before the record came."""
    path = f"phases/{record.leaves}.yaml"
    if judge.branch is None:
        file = stacks / path
        return _leave_in(file.read_bytes() if file.is_file() and not file.is_symlink() else None)
    commit = (arrival.before or arrival.commit) if arrival else judge.branch.tip
    return _leave_in(judge.branch.content(commit, path))


def _leave_in(content: bytes | None) -> Leave | None:
    from pydantic import ValidationError

    root = read_document(Path(), content).root if content is not None else None
    nodes = trail(root, ("limits", "leave")) if root is not None else []
    try:
        return Leave.model_validate(plain(nodes[-1])) if len(nodes) == 3 else None
    except ValidationError:
        return None


def _gate_mistakes(entry: DataFile[Record], record: Record, leave: Leave | None) -> Iterator[SiteError]:
    """Yield gates that are missing, foreign or named twice, and those that have not passed with no decision."""
    wanted, counted = gates_of(record.kind, leave), Counter(result.gate for result in record.gates)
    missing = [gate for gate in wanted if gate not in counted]
    if missing:
        problem = f"a {record.kind} has also the gates {listed(missing, 'and')}"
        yield entry.error(("gates",), problem, "make the record by `sitectl`, which measures every gate")
    for gate, count in counted.items():
        if gate not in wanted:
            problem = f"{quoted(gate)} is no gate of a {record.kind} from {record.leaves}"
            yield entry.error(("gates", gate), problem, did_you_mean(gate, wanted))
        elif count > 1:
            yield entry.error(("gates", gate), "is named twice", AS_MADE)
    if record.override is None:
        for result in record.gates:
            if not result.passed:
                remedy = "make the record when every gate passes, or with `--override REASON --approver NAME`"
                yield entry.error(("gates", result.gate), "has not passed, and no override is there", remedy)


def _override_mistakes(entry: DataFile[Record], record: Record, trust: Trust) -> Iterator[SiteError]:
    override = record.override
    if override is None:
        return
    if all(result.passed for result in record.gates):
        yield entry.error(("override",), "every gate passed: there is nothing to override", "leave it out")
    if trust.approvers is None:
        problem = f"the approvers of {trust.where} cannot be read: no override counts"
        yield entry.error(("override",), problem, "have stacks/promotions/approvers.yaml put right first")
        return
    person = trust.approvers.named(override.approver)
    key = ("override", "approver")
    if person is None:
        known = [entry.name for entry in trust.approvers.approvers]
        problem = f"{quoted(override.approver)} is no approver of {trust.where}"
        yield entry.error(key, problem, did_you_mean(override.approver, known, ADD_APPROVER))
    elif made(person, record):
        problem = f"{quoted(person.name)} made the record: a gate is overridden by another person"
        yield entry.error(key, problem, "have another person decide")
    elif wrong := may_approve(person, trust.approvers, record.site):
        yield entry.error(key, *wrong)


def _commit_mistakes(
    entry: DataFile[Record], record: Record, before: Record | None, branch: Branch, leave: Leave | None
) -> Iterator[SiteError]:
    """Yield where the commit that a record names does not hold what the record began from."""
    made_at = branch.held(record.commit)
    if made_at is None:
        problem = (
            f"{record.commit[:12]} is no commit of {branch.name}: what the gates judged was never merged"
        )
        yield entry.error(("commit",), problem, "have the evidence merged first, and promote from there")
        return
    if record.made_at.at < made_at - SKEW:
        problem = f"{quoted(record.made_at)} is before its commit ({made_at:%Y-%m-%d %H:%M} UTC)"
        yield entry.error(("made_at",), problem, "look at the clock of the machine that made it")
    site = _root(branch.content(record.commit, f"sites/{record.site}.yaml"))
    phase = site.entries.get("phase") if site is not None else None
    if not isinstance(phase, Scalar) or phase.value != record.leaves:
        problem = f"at {record.commit[:12]} the site was not in phase {quoted(record.leaves)}"
        yield entry.error(("commit",), problem, AGAIN)
    path = f"promotions/{record.site}/{before.file_name}" if before else None
    held = _root(branch.content(record.commit, path)) if path else None
    if (before is not None and (held is None or content_of(_data(held)) != before.content)) or branch.content(
        record.commit, _path(record)
    ) is not None:
        problem = f"{record.commit[:12]} does not hold exactly the records before this one"
        yield entry.error(("commit",), problem, AGAIN)
    if record.kind == "promotion":
        asked = _leave_in(branch.content(record.commit, f"phases/{record.leaves}.yaml"))
        if asked != leave:
            problem = (
                f"{branch.name} asks for other things to leave {record.leaves} than {record.commit[:12]} did"
            )
            yield entry.error(("commit",), problem, AGAIN)


def _site_file_mistakes(
    entry: DataFile[Record],
    record: Record,
    arrival: Arrival | None,
    branch: Branch,
    stacks: Path,
    *,
    last: bool,
) -> Iterator[SiteError]:
    """Yield where the site's file that came with a record is not the one that it names."""
    path = f"sites/{record.site}.yaml"
    if arrival is not None:
        content = branch.content(arrival.commit, path)
    elif not last:
        problem = f"{branch.name} has not this record yet, and another one follows it"
        yield entry.error(("sequence",), problem, "one change brings one record: have this one merged first")
        return
    else:
        file = stacks / path
        content = file.read_bytes() if file.is_file() and not file.is_symlink() else None
        if content is None or _is_half_made(content, record):
            return  # said by itself
    if content is None or record.site_file != f"sha256:{hashlib.sha256(content).hexdigest()}":
        problem = f"is not the hash of stacks/{path} as it came with the record: it was changed besides"
        remedy = "change the site's other data by a change of its own, before or after"
        yield entry.error(("site_file",), problem, remedy)


def _is_half_made(content: bytes, record: Record) -> bool:
    """Say whether the site's file does not follow its last record yet: `mistakes_with` tells that."""
    root = _root(content)
    key = ("incumbent", "state") if record.kind == "retirement" else ("phase",)
    nodes = trail(root, key) if root is not None else []
    value = nodes[-1].value if nodes and isinstance(nodes[-1], Scalar) else None
    return value != ("retired" if record.kind == "retirement" else record.enters)


def _root(content: bytes | None) -> Mapping | None:
    return read_document(Path(), content).root if content is not None else None


def _data(root: Mapping) -> dict[str, object]:
    data = plain(root)
    assert isinstance(data, dict)  # noqa: S101 - the root is a map
    return dict(data)
