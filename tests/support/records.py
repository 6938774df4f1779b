"""Signed records and reports without a server: signed by a key that is the tests' own, and the same at every run."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model.calendar import Moment
from model.datafile import content_of, file_text
from model.promotion.gates import gates_of
from model.promotion.record import (
    APPROVAL_FORMAT,
    APPROVALS_FORMAT,
    FORMER_APPROVALS,
    RECORD_FORMAT,
    Kind,
)
from model.promotion.signers import Use, message
from model.rollout import Leave, Phase

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
USES: tuple[Use, ...] = ("promotion", "approval", "policy", "comparison", "routes", "training", "review")
SITE = "eagle-ford"
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
# Each who approves has a key of their own; nobody else has it.
PEOPLE = ("a-lindqvist", "d-okafor", "m-reyes", "p-novak")


def key_of(name: str) -> Ed25519PrivateKey:
    """Return the key of the tests' signer of a name: the tests' own, or a person's."""
    return (
        KEY if name not in PEOPLE else Ed25519PrivateKey.from_private_bytes(bytes([PEOPLE.index(name)]) * 32)
    )


def public_key_of(name: str) -> str:
    """Return the public key of a signer as PEM text."""
    return key_of(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def approvers(**changes: Any) -> dict[str, Any]:
    """Return the content of `approvers.yaml`: four people with keys of their own, of whom two must approve."""
    roles = {"a-lindqvist": "engineer", "d-okafor": "manager", "m-reyes": "engineer", "p-novak": "operator"}
    people = [
        {"name": name, "title": f"Person {name}", "role": role, "accounts": [f"{name}-login"], "signer": name}
        for name, role in roles.items()
    ]
    return {
        "format": "iot-broker/approvers/1",
        "needed": 2,
        "roles": ["engineer", "operator", "manager"],
        "approvers": people,
    } | changes


def signers(**changes: Any) -> dict[str, Any]:
    """Return the content of `signers.yaml` with the tests' key for everything, and each person's for approvals."""
    signer = {
        "name": "tests",
        "method": "transit",
        "uses": list(USES),
        "path": "transit/tests",
        "keys": [{"version": 1, "key": PUBLIC}],
    } | changes
    people = [
        {
            "name": name,
            "method": "transit",
            "uses": ["approval"],
            "path": f"transit/{name}",
            "keys": [{"version": 1, "key": public_key_of(name)}],
        }
        for name in PEOPLE
    ]
    return {"format": "iot-broker/signers/1", "signers": [signer, *people]}


def signature(form: str, content: str, at: datetime, signer: str = "tests") -> dict[str, Any]:
    """Return the signature of a signer over content of a format."""
    made_at = Moment.of(at)
    value = base64.b64encode(key_of(signer).sign(message(form, content, made_at))).decode()
    return {
        "signer": signer,
        "method": "transit",
        "key_version": 1,
        "made_at": str(made_at),
        "value": value,
    }


def signed(data: Mapping[str, Any], at: datetime = NOW) -> dict[str, Any]:
    """Return the data with content hash and signature."""
    bare = {key: value for key, value in data.items() if key not in ("content", "signature")}
    content = content_of(bare)
    return bare | {"content": content, "signature": signature(bare["format"], content, at)}


def gates(kind: Kind, leaves: Phase) -> list[dict[str, Any]]:
    """Return what each gate of a step found, all passed, as the sample sites' phases ask for them."""
    text = (Path(__file__).parents[2] / "stacks" / "phases" / f"{leaves}.yaml").read_text(encoding="utf-8")
    asked = read_leave(text) if kind == "promotion" else None
    facts = {"figure": "92d", "threshold": "60d or more", "source": "started", "window": "since 2026-08-24"}
    return [{"gate": gate, "passed": True, **facts} for gate in gates_of(kind, asked)]


def read_leave(text: str) -> Leave | None:
    """Return what a phase asks for, of the text of its file."""
    from model.document import read_document
    from model.nodes import plain, trail

    root = read_document(Path(), text.encode()).root
    assert root is not None
    nodes = trail(root, ("limits", "leave"))
    return Leave.model_validate(plain(nodes[-1])) if len(nodes) == 3 else None


def record(
    sequence: int, kind: Kind, leaves: Phase, enters: Phase, previous: str, **changes: Any
) -> dict[str, Any]:
    """Return a signed record, signed when it was made."""
    states = {"pilot": "untouched", "parallel": "ingress", "cutover": "egress"}
    data = {
        "format": RECORD_FORMAT,
        "site": SITE,
        "sequence": sequence,
        "kind": kind,
        "leaves": leaves,
        "enters": enters,
        "incumbent": states[enters],
        "made_by": "Site Engineer <site.engineer@field.example>",
        "made_at": f"2026-11-2{sequence}T15:00:00Z",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "previous": previous,
        "site_file": f"sha256:{'0' * 64}",
        "gates": gates(kind, leaves),
    } | changes
    return signed(data, Moment.parse(str(data["made_at"])).at)


def chain() -> list[dict[str, Any]]:
    """Return the records of a way to cutover and one phase back."""
    first = record(1, "promotion", "pilot", "parallel", "none")
    second = record(2, "promotion", "parallel", "cutover", first["content"])
    third = record(3, "rollback", "cutover", "parallel", second["content"])
    return [first, second, third]


def approval(of: Mapping[str, Any], name: str, at: datetime | None = None, **changes: Any) -> dict[str, Any]:
    """Return one person's approval of a record, signed by that person half an hour after it was made.

    `signer` in the changes is who signs instead.
    """
    signer = str(changes.pop("signer", name))
    moment = at or Moment.parse(str(of["made_at"])).at + timedelta(minutes=30)
    role = next((person["role"] for person in approvers()["approvers"] if person["name"] == name), "engineer")
    entry = {
        "name": name,
        "role": role,
        "made_at": str(Moment.of(moment)),
        "source": "change request 7",
    } | changes
    content = content_of({"format": APPROVAL_FORMAT, "site": SITE, "record": of["content"], **entry})
    return entry | {"signature": signature(APPROVAL_FORMAT, content, moment, signer)}


def approvals(of: Mapping[str, Any], *entries: dict[str, Any]) -> dict[str, Any]:
    """Return the approvals of a record: those given, or of the two that are needed."""
    usual = (approval(of, "a-lindqvist"), approval(of, "m-reyes"))
    return {
        "format": APPROVALS_FORMAT,
        "site": SITE,
        "record": of["content"],
        "approvals": list(entries or usual),
    }


def former_approvals(of: Mapping[str, Any]) -> dict[str, Any]:
    """Return approvals of the time when one key signed for everybody."""
    given = {"role": "engineer", "made_at": of["made_at"], "source": "change request 7"}
    return signed(
        {
            "format": FORMER_APPROVALS,
            "site": SITE,
            "record": of["content"],
            "author": "site-engineer",
            "approvals": [{"name": "a-lindqvist", **given}, {"name": "m-reyes", **given}],
        }
    )


def record_name(data: Mapping[str, Any]) -> str:
    """Return the name of a record's file."""
    return f"{data['sequence']:04}-{data['enters']}.yaml"


def texts(records: list[dict[str, Any]] | None = None) -> dict[str, str]:
    """Return the text of each file of the signers, records and approvals, by its path in the data folder."""
    return dict(_every_text()) if records is None else _texts(records)


@cache
def _every_text() -> dict[str, str]:
    return _texts(chain())


def _texts(entries: list[dict[str, Any]]) -> dict[str, str]:
    found = {
        "promotions/signers.yaml": file_text(signers(), "../signers.schema.json"),
        "promotions/approvers.yaml": file_text(approvers(), "../approvers.schema.json"),
    }
    for entry in entries:
        found[record_path(entry)] = file_text(entry, "../../promotion.schema.json")
        if entry["kind"] != "rollback":
            found[approvals_path(entry)] = file_text(approvals(entry), "../../approvals.schema.json")
    return found


def record_path(entry: Mapping[str, Any]) -> str:
    """Return the path of a record in the data folder."""
    return f"promotions/{SITE}/{record_name(entry)}"


def approvals_path(entry: Mapping[str, Any]) -> str:
    """Return the path of a record's approvals in the data folder."""
    return f"promotions/{SITE}/{Path(record_name(entry)).stem}.approvals.yaml"


def report(name: str, **changes: Any) -> dict[str, Any]:
    """Return a signed report with which its gate passes."""
    head = {"site": SITE, "made_by": "tests 1", "made_at": "2026-11-24T14:00:00Z"}
    way = {"receiver": "desk", "sent_at": "2026-11-20T10:00:00Z", "confirmed_at": "2026-11-20T10:04:00Z"}
    bodies: dict[str, dict[str, Any]] = {
        "policy": {"commit": "0" * 40, "rules": 12, "resources": 90, "violations": []},
        "comparison": {"days": [compared(day) for day in range(10, 24)]},
        "routes": {
            "routes": [
                {"severity": severity, "confirmed_by": "shift lead", **way} for severity in ("page", "ticket")
            ]
        },
        "training": {
            "people": [
                {
                    "name": name,
                    "role": role,
                    "course": "The broker",
                    "passed": "2026-10-01",
                    "trainer": "A. L.",
                }
                for name, role in (("m-reyes", "engineer"), ("control-desk-karnes", "operator"))
            ]
        },
    }
    return signed({"format": f"iot-broker/{name}-report/1", **head, **bodies[name], **changes})


def compared(day: int, **changes: Any) -> dict[str, Any]:
    """Return one day of a comparison, in November 2026, well within every tolerance."""
    return {
        "day": f"2026-11-{day:02}",
        "messages": 1_000_000,
        "lost": 10,
        "duplicates": 100,
        "reordered": 0,
        "incumbent_latency_ms": 100,
        "broker_latency_ms": 90,
    } | changes


def report_texts(**changes: dict[str, Any]) -> dict[str, str]:
    """Return the text of each report's file, by its path in the data folder."""
    return {
        f"reports/{SITE}/{name}.yaml": _report_text(name, **changes[name])
        if name in changes
        else _usual_report_text(name)
        for name in ("policy", "comparison", "routes", "training")
    }


@cache
def _usual_report_text(name: str) -> str:
    return _report_text(name)


def _report_text(name: str, **changes: Any) -> str:
    return file_text(report(name, **changes), f"../../{name}-report.schema.json")


def write(stacks: Path, files: Mapping[str, str]) -> None:
    """Write files of a data folder."""
    for path, text in files.items():
        (stacks / path).parent.mkdir(parents=True, exist_ok=True)
        (stacks / path).write_text(text, encoding="utf-8")
