"""`sitectl signers`: whose signatures count; their public keys come from Vault."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from model.promotion.signers import Signer, Signers

USES = ("promotion", "approval", "policy", "comparison", "routes", "training", "review")


@click.group("signers", no_args_is_help=True)
def command() -> None:
    """Show, add and refresh those whose signatures count: stacks/promotions/signers.yaml."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the signers as JSON, with their public keys.")
def listed(as_json: bool) -> None:
    """List the signers: what each may sign, by which method, with which key."""
    from sitectl import output

    signers = _read()
    if as_json:
        output.write_json([signer.model_dump(mode="json", exclude_none=True) for signer in signers.signers])
        return
    rows = [
        (signer.name, signer.method, ", ".join(signer.uses), signer.path, _keys(signer))
        for signer in signers.signers
    ]
    output.write_table(("signer", "method", "may sign", "path in Vault", "keys or identities"), rows)


@command.command("add")
@click.argument("name")
@click.option("--path", required=True, help="<mount>/<key> in transit, or <mount>/<role> of a PKI engine.")
@click.option(
    "--use",
    "uses",
    multiple=True,
    required=True,
    type=click.Choice(USES),
    help="What it may sign; repeatable.",
)
@click.option("--keyless", is_flag=True, help="Certificates of minutes, instead of a transit key.")
@click.option(
    "--identity",
    "identities",
    multiple=True,
    help="Keyless: who may sign, `*` for any characters; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was added as JSON.")
def add(
    name: str,
    path: str,
    uses: tuple[str, ...],
    keyless: bool,
    identities: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add the signer NAME, with its public key (or its authority) as Vault gives it."""
    from sitectl import output, problems

    if keyless != bool(identities):
        raise click.UsageError("--keyless needs --identity, and --identity is for --keyless")
    entries = _entries()
    if any(entry["name"] == name for entry in entries):
        problems.refuse(f"there is a signer `{name}` already\n    choose another name, or edit the file")
    entry: dict[str, Any] = {
        "name": name,
        "method": "keyless" if keyless else "transit",
        "uses": list(uses),
        "path": path,
    }
    entries.append(_answered(lambda: _with_keys(entry, list(identities))))
    _write(entries)
    if as_json:
        output.write_json({"signer": name, "uses": list(uses), "file": str(problems.short(_file()))})
        return
    click.echo(f"{name} may sign {', '.join(uses)} now; commit {problems.short(_file())}.")


@command.command("refresh")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print how many versions there are as JSON.")
def refresh(name: str, as_json: bool) -> None:
    """Fetch the public keys of signer NAME again: a rotated key has a new version, and the old ones still count."""
    from model.words import did_you_mean, quoted
    from sitectl import output, problems
    from sitectl.signing import public_keys

    entries = _entries()
    entry = next((entry for entry in entries if entry["name"] == name), None)
    if entry is None or entry["method"] != "transit":
        known = [entry["name"] for entry in entries if entry["method"] == "transit"]
        remedy = did_you_mean(name, known, "add one: `sitectl signers add` (docs/promotion.md)")
        problems.refuse(f"there is no signer {quoted(name)} with a transit key\n    {remedy}")
    found = _answered(lambda: public_keys(entry["path"]))
    kept = {key["version"]: key for key in entry.get("keys", ())}
    changed = [version for version, key in found.items() if version in kept and kept[version]["key"] != key]
    if changed:
        problems.refuse(
            f"version {changed[0]} of {entry['path']} is another key than the one that was known\n"
            "    the key was made anew: what it had signed would not count any more; add it as a new signer"
        )
    entry["keys"] = [
        kept.get(version, {"version": version, "key": key}) for version, key in sorted(found.items())
    ]
    _write(entries)
    new = len(found.keys() - kept.keys())
    if as_json:
        output.write_json({"signer": name, "versions": len(found), "new": new})
        return
    click.echo(f"{name}: {len(found)} versions, {new} of them new.")


def _with_keys(entry: dict[str, Any], identities: list[str]) -> dict[str, Any]:
    from sitectl.signing import authority, public_keys

    if entry["method"] == "keyless":
        return entry | {"authority": authority(entry["path"]), "identities": identities}
    keys = public_keys(entry["path"])
    return entry | {"keys": [{"version": version, "key": key} for version, key in sorted(keys.items())]}


def _answered(ask: Callable[[], Any]) -> Any:
    from sitectl import problems
    from sitectl.signing import SigningError

    try:
        return ask()
    except SigningError as error:
        problems.refuse(f"{error}\nNothing was written.")


def _file() -> Path:
    from model.promotion.signers import signers_file
    from sitectl.root import program_root

    return signers_file(program_root() / "stacks")


def _read() -> "Signers":
    from model.promotion.signers import Signers, read_signers
    from sitectl import problems
    from sitectl.root import program_root

    if not _file().exists():
        return Signers(format="iot-broker/signers/1")
    read = read_signers(program_root() / "stacks")
    if read.value is None:
        problems.refuse_data(read.errors)
    return read.value


def _entries() -> list[dict[str, Any]]:
    return [signer.model_dump(mode="json", exclude_none=True) for signer in _read().signers]


def _write(entries: list[dict[str, Any]]) -> None:
    from model.datafile import file_text
    from sitectl.change import put

    data = {"format": "iot-broker/signers/1", "signers": entries}
    heading = (
        "",
        "Whose signatures count. Written by `sitectl signers`; a change of it is a change of trust.",
    )
    put(_file(), file_text(data, "../signers.schema.json", *heading))


def _keys(signer: "Signer") -> str:
    if signer.method == "keyless":
        return ", ".join(signer.identities)
    return ", ".join(f"v{key.version}{' (withdrawn)' if key.until else ''}" for key in signer.keys)
