"""Signed records and reports without a server: signed by a key that is the tests' own, and the same at every run."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model.calendar import Moment
from model.datafile import content_of, file_text
from model.promotion.record import APPROVALS_FORMAT, RECORD_FORMAT
from model.promotion.signers import Use, message

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
USES: tuple[Use, ...] = ("promotion", "approval", "policy", "comparison", "routes", "training", "review")
SITE = "eagle-ford"
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def signers(**changes: Any) -> dict[str, Any]:
    """Return the content of `signers.yaml` with the tests' key for everything."""
    signer = {
        "name": "tests",
        "method": "transit",
        "uses": list(USES),
        "path": "transit/tests",
        "keys": [{"version": 1, "key": PUBLIC}],
    } | changes
    return {"format": "iot-broker/signers/1", "signers": [signer]}


def signed(data: Mapping[str, Any], at: datetime = NOW) -> dict[str, Any]:
    """Return the data with content hash and signature."""
    bare = {key: value for key, value in data.items() if key not in ("content", "signature")}
    content, made_at = content_of(bare), Moment.of(at)
    value = base64.b64encode(KEY.sign(message(bare["format"], content, made_at))).decode()
    signature = {
        "signer": "tests",
        "method": "transit",
        "key_version": 1,
        "made_at": str(made_at),
        "value": value,
    }
    return bare | {"content": content, "signature": signature}


def record(
    sequence: int, kind: str, leaves: str, enters: str, previous: str, **changes: Any
) -> dict[str, Any]:
    """Return a signed record."""
    gate = {
        "gate": "soak",
        "passed": True,
        "figure": "92d",
        "threshold": "60d or more",
        "source": "started",
        "window": "since 2026-08-24",
    }
    states = {"pilot": "untouched", "parallel": "ingress", "cutover": "egress"}
    return signed(
        {
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
            "gates": [gate],
        }
        | changes
    )


def chain() -> list[dict[str, Any]]:
    """Return the records of a way to cutover and one phase back."""
    first = record(1, "promotion", "pilot", "parallel", "none")
    second = record(2, "promotion", "parallel", "cutover", first["content"])
    third = record(3, "rollback", "cutover", "parallel", second["content"])
    return [first, second, third]


def approvals(of: Mapping[str, Any]) -> dict[str, Any]:
    """Return the signed approvals of a record."""
    given = {"role": "engineer", "made_at": "2026-11-24T15:30:00Z", "source": "change request 7"}
    return signed(
        {
            "format": APPROVALS_FORMAT,
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
    found = {"promotions/signers.yaml": file_text(signers(), "../signers.schema.json")}
    for entry in entries:
        path = f"promotions/{SITE}/{record_name(entry)}"
        found[path] = file_text(entry, "../../promotion.schema.json")
    if entries:
        path = f"promotions/{SITE}/{Path(record_name(entries[0])).stem}.approvals.yaml"
        found[path] = file_text(approvals(entries[0]), "../../approvals.schema.json")
    return found


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
