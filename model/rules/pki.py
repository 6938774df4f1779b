"""Rules of the certificates: all end before what has signed them, keys are long enough, lists are renewed in time."""

from collections.abc import Iterator

from model.rules.rule import Bounds, Finding, rule
from model.site import Site
from model.units import Duration
from model.words import quoted

KEY_LENGTHS = (2048, 3072, 4096)
DAY = 86_400
LIFETIMES = {
    ("root", "lifetime"): Bounds(
        Duration(365 * DAY),
        Duration(25 * 365 * DAY),
        "every device would get a new root within a year",
        "no key is known to be safe for so long",
    ),
    ("issuing", "lifetime"): Bounds(
        Duration(90 * DAY),
        Duration(10 * 365 * DAY),
        "it would be rotated all the time",
        "a thief of its key could issue for so long",
    ),
    ("server_certificates", "maximum"): Bounds(
        Duration(DAY),
        Duration(398 * DAY),
        "a renewal that fails on a weekend would stop the site",
        "browsers refuse it, and servers renew by themselves",
    ),
    ("device_certificates", "maximum"): Bounds(
        Duration(DAY),
        Duration(5 * 365 * DAY),
        "a device that is away for a weekend would never come back",
        "a stolen device would have it for so long",
    ),
}
# X.509 (RFC 5280, ub-organization-name), and what Vault parts a text at.
LONGEST_ORGANIZATION = 64
# The broker fetches a list every quarter of an hour, and an alert needs its time.
LEAST_REST = Duration(3600)
# What is revoked without anybody rebuilding the list waits this long at most.
LONGEST_WAIT = Duration(7 * 86_400)
_LIST = ("pki", "revocation_list")


@rule("pki")
def certificates_end_before_their_issuer(site: Site) -> Iterator[Finding]:
    """Leaf roles stay within the issuing CA's life, and that within the root's.

    What lives as long as its issuer can be issued in the issuer's first second only: Vault refuses it from then on.
    """
    pki = site.pki
    for name, issuer, shorter, longer in (
        ("issuing", "root CA", pki.issuing.lifetime, pki.root.lifetime),
        ("server_certificates", "issuing CA", pki.server_certificates.maximum, pki.issuing.lifetime),
        ("device_certificates", "issuing CA", pki.device_certificates.maximum, pki.issuing.lifetime),
    ):
        key = ("pki", name, "lifetime" if name == "issuing" else "maximum")
        if shorter >= longer:
            how = "outlives" if shorter > longer else "is no shorter than"
            problem = f"{quoted(shorter)} {how} the {issuer} ({longer})"
            yield Finding(key, problem, f"write less than {longer}, or lengthen the {issuer}")


@rule("pki")
def lifetimes_are_bounded(site: Site) -> Iterator[Finding]:
    """CAs and certificates live long enough to be renewed in peace, and no longer than they are safe."""
    for (part, name), bounds in LIFETIMES.items():
        yield from bounds.find(("pki", part, name), getattr(getattr(site.pki, part), name))


@rule("pki")
def the_organization_is_one_name(site: Site) -> Iterator[Finding]:
    """The organization is one attribute of a subject: Vault takes a text with a comma for several."""
    organization, key = site.pki.organization, ("pki", "organization")
    if "," in organization:
        problem = f"{quoted(organization)} has a comma, and Vault would make several organizations of it"
        yield Finding(key, problem, f"write it without, like {quoted(organization.replace(',', ''))}")
    if len(organization) > LONGEST_ORGANIZATION:
        problem = f"{quoted(organization)} is too long for a certificate"
        yield Finding(key, problem, f"write at most {LONGEST_ORGANIZATION} characters")


@rule("pki", "broker")
def server_certificate_is_allowed(site: Site) -> Iterator[Finding]:
    """The broker's certificate is not longer than the server role issues."""
    lifetime, maximum = site.broker.certificate.lifetime, site.pki.server_certificates.maximum
    if lifetime > maximum:
        problem = f"{quoted(lifetime)} is longer than server certificates may be ({maximum})"
        yield Finding(("broker", "certificate", "lifetime"), problem, f"write {maximum} or less")


@rule("pki")
def keys_are_long_enough(site: Site) -> Iterator[Finding]:
    """A CA's key has one of the lengths that Vault makes and that is still safe."""
    for name, bits in (("root", site.pki.root.key_bits), ("issuing", site.pki.issuing.key_bits)):
        if bits not in KEY_LENGTHS:
            problem = f"{quoted(bits)} is not a length of RSA keys that is used here"
            yield Finding(("pki", name, "key_bits"), problem, "write 2048, 3072 or 4096")


@rule("pki")
def lists_are_renewed_in_time(site: Site) -> Iterator[Finding]:
    """The next list is there long before the last one ends, and what is revoked does not wait for weeks."""
    said = site.pki.revocation_list
    if said.rebuild_before < LEAST_REST:
        problem = f"{quoted(said.rebuild_before)} leaves no time between an alert and the end of the list"
        yield Finding((*_LIST, "rebuild_before"), problem, f"write {LEAST_REST} or more")
    if said.rebuild_before >= said.lifetime:
        problem = f"{quoted(said.rebuild_before)} is no shorter than a list's life ({said.lifetime})"
        yield Finding((*_LIST, "rebuild_before"), problem, f"write less than {said.lifetime}")
        return
    every = Duration(said.lifetime.seconds - said.rebuild_before.seconds)
    if every > LONGEST_WAIT:
        problem = f"{quoted(said.lifetime)} makes a new list every {every} only"
        most = Duration(said.rebuild_before.seconds + LONGEST_WAIT.seconds)
        yield Finding((*_LIST, "lifetime"), problem, f"write {most} or less, or lengthen `rebuild_before`")


RULES = (
    certificates_end_before_their_issuer,
    lifetimes_are_bounded,
    the_organization_is_one_name,
    server_certificate_is_allowed,
    keys_are_long_enough,
    lists_are_renewed_in_time,
)
