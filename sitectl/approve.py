"""`sitectl approve SITE`: adds one person's own approval to a site's last record; or says whether they suffice."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from model.promotion import Judge
    from model.promotion.record import Approver, Record


@click.command("approve")
@click.argument("site")
@click.option("--by", "name", metavar="NAME", help="You: your name in approvers.yaml.")
@click.option(
    "--source", default="sitectl approve", help="Where you decided it: the change request's address, say."
)
@click.option(
    "--check", is_flag=True, help="Add nothing: exit 1 unless the last record has the approvals it needs."
)
@click.option("--json", "as_json", is_flag=True, help="Print the approvals as JSON.")
def command(site: str, name: str | None, source: str, check: bool, as_json: bool) -> None:
    """Approve the last record of SITE with your own signature: by your key in Vault, or your certified name.

    Who made the change, people unknown to approvers.yaml, and people of another role or site do not count. Exits 1
    while approvals are lacking.
    """
    from sitectl import output
    from sitectl.judging import judge
    from sitectl.root import program_root

    if check == bool(name):
        raise click.UsageError("say --by NAME, or --check")
    root = program_root()
    stacks, judged_by = root / "stacks", judge(root)
    chain = _chain(stacks, site, judged_by)
    record = chain.records[-1]
    if name is not None:
        _approve(stacks, record, _person(stacks, record, name, judged_by), source, judged_by)
        chain = _chain(stacks, site, judged_by)
    standing = chain.standings[record.sequence]
    if as_json:
        output.write_json(
            {
                "site": site,
                "record": record.content,
                "approved": standing.approved,
                "enough": not standing.lacking,
                "lacking": standing.lacking or None,
            }
        )
    else:
        names = ", ".join(standing.approved) or "no approver yet"
        words = f"it has {standing.lacking}" if standing.lacking else "that is enough"
        click.echo(f"record {record.sequence} of {site} is approved by {names}: {words}")
    sys.exit(1 if standing.lacking else 0)


def _chain(stacks: Path, site: str, judge: "Judge") -> Any:
    """Return a site's records, of which there is one, and all of which are right."""
    from model.estate import load_estate
    from sitectl import problems

    estate = load_estate(stacks, [site], judge)
    if estate.errors:
        problems.refuse_data(estate.errors)
    chain = estate.chains[site]
    if not chain.records:
        problems.refuse(f"{site} has no record: there is nothing to approve")
    return chain


def _person(stacks: Path, record: "Record", name: str, judge: "Judge") -> "Approver":
    """Return the approver of a name (or account) of the protected branch; refuse who does not count."""
    from model.promotion.approvers import ADD_APPROVER, made, may_approve
    from model.words import did_you_mean, quoted
    from sitectl import problems

    trust = judge.present(stacks)
    approvers = trust.approvers
    if approvers is None:
        problems.refuse(f"the approvers of {trust.where} cannot be read\nNothing was written.")
    person = next((one for one in approvers.approvers if name in (one.name, *one.accounts)), None)
    if person is None:
        remedy = did_you_mean(name, [one.name for one in approvers.approvers], ADD_APPROVER)
        problems.refuse(f"{quoted(name)} is no approver of {trust.where}\n    {remedy}\nNothing was written.")
    if made(person, record):
        problems.refuse(
            f"{quoted(person.name)} does not count: made the change\n"
            "    have another person approve\nNothing was written."
        )
    if wrong := may_approve(person, approvers, record.site):
        problems.refuse(f"{wrong[0]}\n    {wrong[1]}\nNothing was written.")
    if person.signer is None:
        problems.refuse(
            f"{quoted(person.name)} has no key to sign with\n"
            "    give them a `signer` in approvers.yaml (docs/promotion.md), by a change of its own\n"
            "Nothing was written."
        )
    return person


def _approve(stacks: Path, record: "Record", person: "Approver", source: str, judge: "Judge") -> None:
    """Sign the person's approval, and put it beside those that are there."""
    from model.calendar import Moment
    from model.datafile import as_data, file_text
    from model.promotion.approving import approvals_file, read_approvals, signed_content
    from model.promotion.chain import folder_of
    from model.promotion.record import APPROVAL_FORMAT, APPROVALS_FORMAT
    from sitectl import problems
    from sitectl.change import put
    from sitectl.signing import SigningError, sign

    trust = judge.present(stacks)
    signer = trust.signers.named(person.signer or "") if trust.signers else None
    if signer is None or "approval" not in signer.uses:
        problems.refuse(
            f"`{person.signer}` may not sign approvals by the signers of {trust.where}\n"
            "    add it: `sitectl signers add … --use approval`, by a change of its own\nNothing was written."
        )
    now = datetime.now(UTC)
    entry: dict[str, Any] = {
        "name": person.name,
        "role": person.role,
        "made_at": str(Moment.of(now)),
        "source": source,
    }
    try:
        made = sign(signer, APPROVAL_FORMAT, signed_content(record, entry), now, person.identity)
    except SigningError as error:
        problems.refuse(f"{error}\nNothing was written.")
    file = approvals_file(folder_of(stacks, record.site) / record.file_name)
    before = read_approvals(file).value if file.exists() else None
    others = [as_data(approval) for approval in before.approvals] if before else []
    data = {
        "format": APPROVALS_FORMAT,
        "site": record.site,
        "record": record.content,
        "approvals": [
            *(other for other in others if other["name"] != person.name),
            {**entry, "signature": as_data(made)},
        ],
    }
    put(file, file_text(data, "../../approvals.schema.json"))
