"""`sitectl sign FILE`: puts hash and signature under a report, as the tool that wrote it would."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model.promotion.signers import Signer


@click.command("sign")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--signer", help="Who signs; needed when more than one may sign it.")
@click.option("--identity", help="Keyless: the name that the certificate is asked for.")
@click.option("--json", "as_json", is_flag=True, help="Print what was signed as JSON.")
def command(file: Path, signer: str | None, identity: str | None, as_json: bool) -> None:
    """Sign the report FILE (stacks/reports/SITE/NAME.yaml): its content is checked first, then hashed and signed."""
    from datetime import UTC, datetime

    from model.datafile import file_text, read_file
    from model.promotion.reports import REPORTS
    from model.words import listed, printable
    from sitectl import output, problems
    from sitectl.change import put
    from sitectl.signing import SigningError, signed

    name = next((name for name in REPORTS if file.name == f"{name}.yaml"), None)
    if name is None:
        problems.refuse(
            f"{printable(str(file))} is no report: its name is none of {listed(REPORTS, 'and')}, and `.yaml`\n"
            f"    {_meant(file)}"
        )
    # What a signature says is made here; whatever stands there now is replaced.
    entry = read_file(file, REPORTS[name])
    mistakes = [
        error for error in entry.errors if error.key.partition(".")[0] not in ("content", "signature")
    ]
    if mistakes or not entry.data:
        problems.refuse(problems.worded(mistakes or entry.errors))
    chosen = able(name, signer)
    try:
        data = signed(entry.data, chosen, datetime.now(UTC), identity)
    except SigningError as error:
        problems.refuse(f"{error}\nNothing was written.")
    put(file, file_text(_lists(data), f"../../{name}-report.schema.json"))
    if as_json:
        output.write_json({"file": str(problems.short(file)), "report": name, "signer": chosen.name})
    else:
        click.echo(f"signed {problems.short(file)} as {chosen.name}")


def _meant(file: Path) -> str:
    from difflib import get_close_matches

    from model.promotion.reports import REPORTS

    near = get_close_matches(file.stem, REPORTS, n=1)
    return f"name a file like stacks/reports/SITE/{near[0] if near else 'policy'}.yaml"


def able(use: str, name: str | None) -> "Signer":
    """Return the signer that may sign for a use: the one of a name, or the only one; refuse otherwise."""
    from model.promotion.signers import read_signers
    from model.words import did_you_mean, listed, quoted
    from sitectl import problems
    from sitectl.root import program_root

    read = read_signers(program_root() / "stacks")
    if read.value is None:
        problems.refuse_data(read.errors)
    known = [signer for signer in read.value.signers if use in signer.uses]
    chosen = [signer for signer in known if name in (None, signer.name)]
    if len(chosen) != 1:
        who = quoted(name) if name else listed((signer.name for signer in known), "and") or "no signer"
        problem = f"{who} may sign for `{use}`" if name is None else f"{who} may not sign for `{use}`"
        remedy = "say which: --signer NAME" if known else "add one: `sitectl signers add` (docs/promotion.md)"
        if name is not None and known:
            remedy = did_you_mean(name, [signer.name for signer in known])
        problems.refuse(f"{problem}\n    {remedy}\nNothing was written.")
    return chosen[0]


def _lists(value: object) -> dict[str, object]:
    plain = _plain(value)
    assert isinstance(plain, dict)  # noqa: S101 - the root of a report is a map
    return plain


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value
