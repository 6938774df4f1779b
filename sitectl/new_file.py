"""The text of a new site's file, as `sitectl new` writes it from answers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model import Site

IMAGES = {"opensource": "emqx/emqx", "enterprise": "emqx/emqx-enterprise"}
LICENCE = (
    "  # A Secret in the site's namespace with the publisher's key, as docs/real-site.md says.",
    "  licence:",
    "    secret: broker-licence",
    "    key: emqx.lic",
)


def text(answers: dict[str, Any]) -> str:
    """Return the file's text: only what is true of this site, with a word on each part.

    `answers` has a text, or a tuple of texts, for each question; and what `approvals` returns, once that is known.
    """
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
        *_optional(answers, "licence_ends"),
        *_optional(answers, "licence_cost"),
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


def approvals(site: "Site") -> dict[str, str]:
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


def _optional(answers: dict[str, Any], key: str) -> tuple[str, ...]:
    return (f"  {key}: {_scalar(answers[key])}",) if answers.get(key) else ()


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
