"""Rules of the certificates: nothing outlives what has signed it, and keys are long enough."""

from collections.abc import Iterator

from model.rules.rule import Finding, rule
from model.site import Site
from model.words import quoted

KEY_LENGTHS = (2048, 3072, 4096)


@rule("pki")
def certificates_end_before_their_issuer(site: Site) -> Iterator[Finding]:
    """Leaf roles stay within the issuing CA's life, and that within the root's."""
    pki = site.pki
    for name, issuer, shorter, longer in (
        ("issuing", "root CA", pki.issuing.lifetime, pki.root.lifetime),
        ("server_certificates", "issuing CA", pki.server_certificates.maximum, pki.issuing.lifetime),
        ("device_certificates", "issuing CA", pki.device_certificates.maximum, pki.issuing.lifetime),
    ):
        key = ("pki", name, "lifetime" if name == "issuing" else "maximum")
        if shorter > longer:
            problem = f"{quoted(shorter)} outlives the {issuer} ({longer})"
            yield Finding(key, problem, f"write {longer} or less")
        if shorter.seconds == 0:
            yield Finding(key, "`0s` is no life", f"write up to {longer}")


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


RULES = (certificates_end_before_their_issuer, server_certificate_is_allowed, keys_are_long_enough)
