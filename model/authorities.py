"""What a site's certificate authorities are made from, each as one text that its approval in the data repeats."""

import hashlib
import json
from typing import Literal

from model.pki import CertificateAuthority
from model.site import Site

Authority = Literal["root", "issuing"]
AUTHORITIES: tuple[Authority, ...] = ("root", "issuing")
KEY_TYPE = "rsa"
_DIGITS = 16


def authority(site: Site, kind: Authority) -> CertificateAuthority:
    """Return what the data says of a CA."""
    return site.pki.root if kind == "root" else site.pki.issuing


def common_name(site: Site, kind: Authority, generation: int) -> str:
    """Return the common name in the subject of a CA's generation."""
    return f"{site.name} {kind} CA g{generation}"


def made_from(site: Site, kind: Authority) -> str:
    """Return the current generation of a CA and the digest of all that it is made from: `2-3f5a…`.

    Another subject or key would replace the CA, and void all that it issued; another life time would not reach it.
    """
    said = authority(site, kind)
    parts = {
        "subject": [common_name(site, kind, said.generation), site.pki.organization],
        "key": [KEY_TYPE, said.key_bits],
        "lifetime": said.lifetime.seconds,
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_DIGITS]
    return f"{said.generation}-{digest}"


def approved_generation(approved: str) -> int:
    """Return the generation that an approval names."""
    return int(approved.partition("-")[0])
