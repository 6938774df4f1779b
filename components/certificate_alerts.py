"""Alerts on what ends: CAs, lists of revoked certificates, and the certificates of servers beside the broker."""

from collections.abc import Iterator

from components.alert import Alert, begun
from model import Site

JOB = "certificate-exporter"
AUTHORITY_END = "iot_broker_authority_end_timestamp_seconds"
AUTHORITY_READ = "iot_broker_authority_read"
LIST_END = "iot_broker_revocation_list_end_timestamp_seconds"
LIST_READ = "iot_broker_revocation_list_read"
SERVER_END = "iot_broker_server_certificate_end_timestamp_seconds"
SERVER_READ = "iot_broker_server_certificate_read"
_DAY = 86_400
# Time to rotate a CA before it is too late; less where a CA hardly outlives what it signs.
_MARGIN = 90 * _DAY
# A page at night is for what is an outage before the next evening.
_SOON = _DAY


def certificate_alerts(site: Site) -> Iterator[Alert]:
    """Yield the alerts on what ends."""
    yield from _authorities(site)
    # Elsewhere no one reads the lists.
    if site.broker.revocation == "crl":
        yield from _lists(site)
    yield from _servers(site)
    yield _unknown(site)


def _chosen(site: Site, *matchers: str) -> str:
    return "{" + ",".join((f'namespace="{site.namespace}"', f'job="{JOB}"', *matchers)) + "}"


def _authorities(site: Site) -> Iterator[Alert]:
    pki = site.pki
    longest = {"root": pki.issuing.lifetime.seconds, "issuing": pki.longest_leaf.seconds}
    lives = {"root": pki.root.lifetime.seconds, "issuing": pki.issuing.lifetime.seconds}
    left = {
        name: f"""{AUTHORITY_END}{_chosen(site, f'authority="{name}"', 'current="true"')} - time()"""
        for name in longest
    }
    margins = {name: min(_MARGIN, (lives[name] - longest[name]) // 2) for name in longest}
    yield Alert(
        "AuthorityOutlived",
        "ticket",
        " or ".join(f"{left[name]} < {longest[name]}" for name in longest),
        "1h",
        "A CA ends before what it signs",
        "The {{ $labels.authority }} CA ends in {{ $value | humanizeDuration }}: Vault refuses certificates of full "
        "life, and none that it signs will live longer.",
    )
    yield Alert(
        "AuthorityAges",
        "ticket",
        " or ".join(
            f"({left[name]} >= {longest[name]}) < {longest[name] + margins[name]}" for name in longest
        ),
        "1h",
        "A CA soon ends before what it signs",
        "The {{ $labels.authority }} CA ends in {{ $value | humanizeDuration }}: it is time for its next generation.",
    )


def _lists(site: Site) -> Iterator[Alert]:
    before = site.pki.revocation_list.rebuild_before.seconds
    left = f"min by (authority, issuer) ({LIST_END}{_chosen(site)}) - time()"
    yield Alert(
        "RevocationListNotRenewed",
        "ticket",
        # Vault looks once a minute.
        f"{left} < {before * 9 // 10}",
        "15m",
        "The list of revoked certificates was not renewed in time",
        "The list of the {{ $labels.authority }} CA ends in {{ $value | humanizeDuration }}; its renewal is overdue.",
    )
    yield Alert(
        "RevocationListExpires",
        "page",
        f"{left} < {min(before // 4, _SOON)}",
        "5m",
        "The list of revoked certificates ends soon",
        "The list of the {{ $labels.authority }} CA ends in {{ $value | humanizeDuration }}; then the broker refuses "
        "every client with a certificate.",
    )
    yield Alert(
        "RevocationListUnreachable",
        "page",
        f"min by (authority) ({LIST_READ}{_chosen(site)}) == 0",
        "15m",
        "The list of revoked certificates cannot be fetched",
        "A list of the {{ $labels.authority }} CA is not served: a broker node that starts now refuses every client "
        "with a certificate, and the others do when theirs has ended.",
    )


def _servers(site: Site) -> Iterator[Alert]:
    left = f"min by (server) ({SERVER_END}{_chosen(site)}) - time()"
    yield Alert(
        "ServerCertificateNotRenewed",
        "ticket",
        f"{left} < {site.broker.certificate.renew_before.seconds // 2}",
        "1h",
        "A server's certificate was not renewed in time",
        "The certificate of {{ $labels.server }} ends in {{ $value | humanizeDuration }}; its renewal is overdue, or "
        "the server has not loaded it.",
    )
    yield Alert(
        "ServerCertificateExpires",
        "page",
        f"{left} < {_SOON}",
        "5m",
        "A server's certificate ends within a day",
        "The certificate of {{ $labels.server }} ends in {{ $value | humanizeDuration }}; then no one that asks it "
        "believes it.",
    )


def _unknown(site: Site) -> Alert:
    every = _chosen(site)
    return Alert(
        "CertificateAgesUnknown",
        "ticket",
        f"(count(up{every} == 1) or vector(0)) == 0 {begun(site)} "
        f"or min by (authority) ({AUTHORITY_READ}{every}) == 0 or min by (server) ({SERVER_READ}{every}) == 0",
        "30m",
        "When certificates end is not known",
        "The certificate exporter is away, or cannot read {{ $labels.authority }}{{ $labels.server }}: what ends "
        "meanwhile ends without an alert.",
    )
