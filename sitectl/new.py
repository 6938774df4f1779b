"""`sitectl new SITE --kind KIND`: writes a valid, commented site file from answers or flags."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from model import Site


@dataclass(frozen=True)
class Question:
    """One thing that only people know: the flag that gives it, what is asked for, and an example of an answer."""

    flag: str
    text: str
    example: str
    many: bool = False

    @property
    def parameter(self) -> str:
        """The name of the flag's value."""
        return self.flag.removeprefix("--").replace("-", "_")


QUESTIONS = (
    Question("--title", "Name for people", "Eagle Ford, Karnes County"),
    Question("--region", "Region, for waves of promotion", "us-south-central"),
    Question("--domain", "DNS suffix of the site's names", "eagle-ford.field.example"),
    Question("--organization", "Organisation in its certificates", "Eagle Ford Field Operations"),
    Question("--edition", "EMQX edition: opensource or enterprise", "opensource"),
    Question("--broker-version", "EMQX version", "5.8.9"),
    Question("--time-zone", "Time zone of its working days", "America/Chicago"),
    Question("--asset", "Assets, NAME=TITLE", "pad-12=Well pad 12", many=True),
    Question("--pilot", "Names of the assets that the pilot listens to", "pad-12", many=True),
    Question("--owner", "Who answers for it, ROLE:NAME=TITLE", "engineer:m-reyes=Marisol Reyes", many=True),
    Question("--zone", "Network zones, NAME=RANGE", "field=10.40.0.0/16", many=True),
    Question("--incumbent", "The broker that is replaced", "Licensed IoT broker, release 4.9"),
    Question("--incumbent-address", "DNS name of that broker", "mqtt-old.eagle-ford.field.example"),
)
IMAGES = {"opensource": "emqx/emqx", "enterprise": "emqx/emqx-enterprise"}
LICENCE = (
    "  # A Secret in the site's namespace with the publisher's key, as docs/real-site.md says.",
    "  licence:",
    "    secret: broker-licence",
    "    key: emqx.lic",
)


def _flags(command: Callable[..., None]) -> Callable[..., None]:
    for question in reversed(QUESTIONS):
        explained = f"{question.text}, like {question.example!r}{'; repeatable' if question.many else ''}."
        command = click.option(question.flag, multiple=question.many, help=explained)(command)
    return command


@click.command("new")
@click.argument("site")
@click.option("--kind", required=True, help="Kind of asset: the name of a file in stacks/profiles/.")
@click.option("--started", help="Day on which the pilot begins; today when left out.")
@_flags
def command(site: str, kind: str, started: str | None, **answers: Any) -> None:
    """Write stacks/sites/SITE.yaml: asks what it must know on a terminal, else every flag must be given."""
    from sitectl import problems
    from sitectl.root import program_root

    _refuse_name(site)
    stacks = program_root() / "stacks"
    file = stacks / "sites" / f"{site}.yaml"
    if file.exists():
        problems.refuse(
            f"{problems.short(file)} exists already; nothing was touched\n    edit it, or choose another name"
        )
    answers = _complete(answers)
    answers |= {"site": site, "kind": kind, "started": started or date.today().isoformat()}
    _write(file, _text(answers | _approvals(_valid(stacks, site, _text(answers)))))
    click.echo(f"wrote {problems.short(file)}")
    click.echo(f"Next: look it through, then `sitectl validate {site}` and `sitectl explain {site}`.")


def _refuse_name(site: str) -> None:
    from pydantic import TypeAdapter, ValidationError

    from model.base import PATTERN_MEANINGS, Label
    from model.words import quoted
    from sitectl import problems

    try:
        TypeAdapter(Label).validate_python(site)
    except ValidationError:
        meaning = next(iter(PATTERN_MEANINGS.values()))
        problems.refuse(
            f"{quoted(site)} cannot be the name of a site\n    write {meaning}, 40 characters at most"
        )


def _complete(answers: dict[str, Any]) -> dict[str, Any]:
    """Ask for what no flag gave; without a terminal every missing flag is named at once."""
    from sitectl import problems

    missing = [question for question in QUESTIONS if not answers[question.parameter]]
    if missing and not sys.stdin.isatty():
        lines = [f"  {question.flag}  {question.text}, like {question.example!r}" for question in missing]
        problems.refuse("\n".join(["nobody is here to ask; these flags are missing:", *lines]))
    for question in missing:
        given = click.prompt(
            f"{question.text} (like {question.example!r}{'; more with ;' if question.many else ''})"
        )
        answers[question.parameter] = (
            tuple(part.strip() for part in given.split(";")) if question.many else given
        )
    return answers


def _text(answers: dict[str, Any]) -> str:
    """Return the file's text: only what is true of this site, with a word on each part."""
    lines = [
        "# yaml-language-server: $schema=../site.schema.json",
        "#",
        f"# {_line(answers['title'])}. Only what is true of this site; the rest comes from defaults.yaml,",
        f"# profiles/{_line(answers['kind'])}.yaml and phases/pilot.yaml.",
        "",
        f"name: {_scalar(answers['site'])}",
        f"title: {_scalar(answers['title'])}",
        f"kind: {_scalar(answers['kind'])}",
        "phase: pilot",
        f"started: {_scalar(answers['started'])}",
        f"region: {_scalar(answers['region'])}",
        f"domain: {_scalar(answers['domain'])}",
        "",
        "# Parts of the site that send data.",
        "assets:",
        *_items(answers["asset"], "title"),
        "",
        "# The pilot listens to these assets only.",
        f"scope: [{', '.join(_scalar(name) for name in answers['pilot'])}]",
        "",
        "# Who answers for the site; training is recorded for them.",
        "owners:",
    ]
    for owner in answers["owner"]:
        role, _, rest = owner.partition(":")
        lines += [*_items((rest,), "title"), f"    role: {_scalar(role)}"]
    lines += [
        "",
        "change:",
        "  # The hours are those of defaults.yaml; name others, and freezes, here.",
        "  windows:",
        "    - name: working-days",
        f"      zone: {_scalar(answers['time_zone'])}",
        "",
        "# No address belongs to two zones.",
        "network:",
        "  zones:",
    ]
    for name, ranges in _grouped(answers["zone"]).items():
        listed = ", ".join(_scalar(cidr) for cidr in ranges)
        lines += [f"    - name: {_scalar(name)}", f"      title: {_scalar(name)}", f"      cidrs: [{listed}]"]
    edition = answers["edition"]
    lines += [
        "",
        "# The broker that is being replaced.",
        "incumbent:",
        f"  product: {_scalar(answers['incumbent'])}",
        f"  address: {_scalar(answers['incumbent_address'])}",
        "",
        "broker:",
        f"  edition: {_scalar(edition)}",
        f"  version: {_scalar(answers['broker_version'])}",
        "  image:",
        f"    repository: {IMAGES.get(edition, IMAGES['opensource'])}",
        *(LICENCE if edition == "enterprise" else ()),
        *_approved_volumes(answers),
        "",
        "monitoring:",
        "  # Where the service level is one of business hours: their time zone.",
        "  business_hours:",
        "    - name: working-days",
        f"      zone: {_scalar(answers['time_zone'])}",
        "",
        "pki:",
        f"  organization: {_scalar(answers['organization'])}",
        *_approved_authorities(answers),
    ]
    return "\n".join(lines) + "\n"


def _approvals(site: "Site") -> dict[str, str]:
    """Return what the site begins with, and keeps until a change says otherwise: its volumes and its CAs."""
    from components.data_move import template_digest
    from model.authorities import AUTHORITIES, made_from

    return {"volumes": template_digest(site)} | {kind: made_from(site, kind) for kind in AUTHORITIES}


def _approved_volumes(answers: dict[str, Any]) -> tuple[str, ...]:
    """Return the lines that approve the volumes that the broker begins with."""
    if "volumes" not in answers:
        return ()
    return (
        "  storage:",
        "    # Other nodes (image, size) are a move to new volumes, and are approved here (runbooks/data-move.md).",
        f'    approved: "{answers["volumes"]}"',
    )


def _approved_authorities(answers: dict[str, Any]) -> tuple[str, ...]:
    """Return the lines that approve the CAs that the site begins with."""
    if "root" not in answers:
        return ()
    return (
        "  # Another organization, key or life time would replace the CA (runbooks/authority-rotation.md).",
        "  root:",
        f'    approved: "{answers["root"]}"',
        "  issuing:",
        f'    approved: "{answers["issuing"]}"',
    )


def _items(pairs: tuple[str, ...], second: str) -> list[str]:
    lines = []
    for pair in pairs:
        name, _, value = pair.partition("=")
        lines += [f"  - name: {_scalar(name)}", f"    {second}: {_scalar(value or name)}"]
    return lines


def _grouped(pairs: tuple[str, ...]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        grouped.setdefault(name, []).append(value)
    return grouped


def _scalar(text: str) -> str:
    """Write a text as YAML reads it back: in quotes only where it needs them."""
    import yaml

    # What a terminal would act on is written by number, and refused by the model with the remedy.
    # As it would stand in a list, where more must be in quotes than elsewhere.
    listed: str = yaml.safe_dump([text], width=10_000, allow_unicode=True, default_flow_style=True)
    return listed.removesuffix("\n").removeprefix("[").removesuffix("]")


def _line(text: str) -> str:
    from model.words import printable

    return printable(text)


def _valid(stacks: Any, site: str, text: str) -> "Site":
    """Read the file among its neighbours, in a copy: one that is not right is refused, and never written."""
    import shutil
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    from model.estate import load_estate
    from sitectl import problems

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(
            shutil.copytree(
                stacks, Path(folder) / "stacks", symlinks=True, ignore=shutil.ignore_patterns("Pulumi.*")
            )
        )
        (copy / "sites" / f"{site}.yaml").write_text(text, encoding="utf-8")
        estate = load_estate(copy, [site])
        if estate.errors:
            there = [replace(error, file=stacks / error.file.relative_to(copy)) for error in estate.errors]
            problems.refuse(problems.worded(there).replace("nothing was touched", "nothing was written"))
        return estate.sites[0]


def _write(file: Any, text: str) -> None:
    """Write the file whole or not at all, and never over another one."""
    import os

    from sitectl import problems

    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    try:
        os.link(aside, file)
    except FileExistsError:
        problems.refuse(f"{problems.short(file)} exists already; nothing was touched")
    finally:
        aside.unlink()
