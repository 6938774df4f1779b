"""Preflight's look at the CAs that Vault has for the site: each outlives what it signs."""

from datetime import UTC, datetime

from cryptography import x509

from components.vault_names import issuing_mount, root_mount
from model import Site
from model.authorities import AUTHORITIES, Authority, authority, common_name
from model.units import Duration
from sitectl.checks import Finding
from sitectl.checks.web import Web

AREA = "vault"


def authority_findings(web: Web, site: Site, now: datetime) -> list[Finding]:
    """Look at the CA of each kind that signs now, at the moment `now` (aware); raises `Unreachable`."""
    return [_finding(web, site, kind, now) for kind in AUTHORITIES]


def _finding(web: Web, site: Site, kind: Authority, now: datetime) -> Finding:
    what, said = f"the {kind} CA", authority(site, kind)
    mount = root_mount(site) if kind == "root" else issuing_mount(site)
    # Vault gives it to everybody. Before the first `up` there is no such engine.
    answer = web.get(f"/v1/{mount}/issuer/default/json")
    if answer.status != 200:
        return Finding(AREA, what, "not made yet")
    try:
        certificate = x509.load_pem_x509_certificate(answer.body["data"]["certificate"].encode())
    except (KeyError, TypeError, ValueError):
        return Finding(AREA, what, "has no certificate that can be read", f"look at {mount} in Vault")
    wanted = common_name(site, kind, said.generation)
    if _common_name(certificate) != wanted:
        return Finding(AREA, what, f"`{wanted}` is not there yet: `up` makes it beside the one that signs")
    longest = site.pki.issuing.lifetime if kind == "root" else site.pki.longest_leaf
    end = certificate.not_valid_after_utc
    rest = Duration(max(int((end - now).total_seconds()), 0))
    ends = f"ends on {end.astimezone(UTC).date()}"
    if rest > longest:
        return Finding(AREA, what, ends)
    return Finding(
        AREA,
        what,
        f"{ends}, before the longest certificate that it may sign ({longest}): Vault refuses those",
        f"make its next generation: write `pki.{kind}.generation: {said.generation + 1}` "
        "(runbooks/authority-rotation.md)",
    )


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
