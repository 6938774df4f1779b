"""`sitectl approve SITE`: adds people's approvals to a site's last record, signed; or says whether they suffice."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from model.promotion.record import Approvals, Approvers, Record


@click.command("approve")
@click.argument("site")
@click.option(
    "--by",
    "accounts",
    multiple=True,
    metavar="ACCOUNT",
    help="Who approved: a name or an account; repeatable.",
)
@click.option("--author", help="The account that made the change; default: who made the record.")
@click.option("--source", help="Where they approved: the change request's address, say.")
@click.option(
    "--check", is_flag=True, help="Add nothing: exit 1 unless the last record has the approvals it needs."
)
@click.option("--signer", help="Who signs; needed when more than one may sign approvals.")
@click.option("--identity", help="Keyless: the name that the certificate is asked for.")
@click.option("--json", "as_json", is_flag=True, help="Print the approvals as JSON.")
def command(
    site: str,
    accounts: tuple[str, ...],
    author: str | None,
    source: str | None,
    check: bool,
    signer: str | None,
    identity: str | None,
    as_json: bool,
) -> None:
    """Add approvals to the last record of SITE, as the forge knows them; a pipeline does it when a change is merged.

    Whoever made the change, people unknown to approvers.yaml, and people of another role or site do not count.
    """
    from model.estate import load_estate
    from sitectl import output, problems
    from sitectl.root import program_root

    if check == bool(accounts):
        raise click.UsageError("say --by ACCOUNT, or --check")
    stacks = program_root() / "stacks"
    estate = load_estate(stacks, [site])
    if estate.errors:
        problems.refuse_data(estate.errors)
    chain = estate.chains[site]
    if not chain.records:
        problems.refuse(f"{site} has no record: there is nothing to approve")
    record, approvers = chain.records[-1], _approvers(stacks)
    data = approvals_of(stacks, record)
    counted, passed_over = _counted(record, approvers, data.author if data else author, accounts)
    if not check:
        added = _added(record, data, approvers, counted, author, source or "sitectl approve")
        _write(stacks, record, added, signer, identity)
        data = approvals_of(stacks, record)
    approved = [approval.name for approval in data.approvals] if data else []
    enough = len(approved) >= approvers.needed
    if as_json:
        output.write_json(
            {
                "site": site,
                "record": record.content,
                "approved": approved,
                "needed": approvers.needed,
                "enough": enough,
                "passedOver": passed_over,
            }
        )
    else:
        for account, why in passed_over.items():
            click.echo(f"{account} does not count: {why}", err=True)
        names = ", ".join(approved) or "nobody"
        click.echo(
            f"record {record.sequence} of {site}: {len(approved)} of {approvers.needed} approvals ({names})"
        )
    sys.exit(0 if enough else 1)


def _approvers(stacks: Path) -> "Approvers":
    from model.promotion.files import read_approvers
    from sitectl import problems

    read = read_approvers(stacks)
    if read.value is None:
        problems.refuse_data(read.errors)
    return read.value


def approvals_file(stacks: Path, record: "Record") -> Path:
    """Return the file of a record's approvals."""
    from model.promotion.chain import APPROVALS, folder_of

    return folder_of(stacks, record.site) / f"{Path(record.file_name).stem}{APPROVALS}"


def approvals_of(stacks: Path, record: "Record") -> "Approvals | None":
    """Return the approvals of a record, or None; what is wrong with them `validate` tells."""
    from model.datafile import read_file
    from model.promotion.record import Approvals

    file = approvals_file(stacks, record)
    return read_file(file, Approvals).value if file.exists() else None


def _counted(
    record: "Record", approvers: "Approvers", author: str | None, accounts: tuple[str, ...]
) -> tuple[list[tuple[Any, str]], dict[str, str]]:
    """Return who counts (approver and account), and why the others do not."""
    counted: dict[str, tuple[Any, str]] = {}
    passed_over: dict[str, str] = {}
    for account in accounts:
        person = next((p for p in approvers.approvers if account == p.name or account in p.accounts), None)
        if person is None:
            passed_over[account] = "not in stacks/promotions/approvers.yaml"
        elif person.role not in approvers.roles:
            passed_over[account] = f"{person.role} is not a role that approves"
        elif person.sites is not None and record.site not in person.sites:
            passed_over[account] = f"does not approve for {record.site}"
        elif is_author(person, author, record):
            passed_over[account] = "made the change"
        else:
            counted[person.name] = (person, account)
    return list(counted.values()), passed_over


def is_author(person: Any, author: str | None, record: "Record") -> bool:
    """Say whether a person made the change: by the forge's account, or by git's name and address in the record."""
    return any(account == author or account in record.made_by for account in (person.name, *person.accounts))


def _added(
    record: "Record",
    before: "Approvals | None",
    approvers: "Approvers",
    counted: list[tuple[Any, str]],
    author: str | None,
    source: str,
) -> dict[str, Any]:
    """Return what the file of the approvals says with the new ones, unsigned; refuse when it would say nothing."""
    from model.calendar import Moment
    from model.datafile import as_data
    from model.promotion.record import APPROVALS_FORMAT, Approval
    from sitectl import problems

    now = Moment.of(datetime.now(UTC))
    known = {approval.name: approval for approval in before.approvals} if before else {}
    for person, _ in counted:
        approval = Approval(name=person.name, role=person.role, made_at=now, source=source)
        known.setdefault(person.name, approval)
    if not known:
        problems.refuse(f"nobody of these counts; {approvers.needed} must approve\nNothing was written.")
    return {
        "format": APPROVALS_FORMAT,
        "site": record.site,
        "record": record.content,
        "author": before.author if before else author or record.made_by,
        "approvals": [as_data(approval) for approval in known.values()],
    }


def _write(
    stacks: Path, record: "Record", data: dict[str, Any], signer: str | None, identity: str | None
) -> None:
    from model.datafile import file_text
    from sitectl import problems
    from sitectl.change import put
    from sitectl.sign import able
    from sitectl.signing import SigningError, signed

    try:
        complete = signed(data, able("approval", signer), datetime.now(UTC), identity)
    except SigningError as error:
        problems.refuse(f"{error}\nNothing was written.")
    put(approvals_file(stacks, record), file_text(complete, "../../approvals.schema.json"))
