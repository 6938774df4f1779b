"""The certificates' part of the site: its root and issuing CA, their lists, and the roles that issue leaves."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from model.base import Part, Text
from model.units import Duration

KeyType = Literal["ec", "rsa", "any"]

CaApproval = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,2}-[0-9a-f]{16}$")]
"""A generation and the digest of what its CA was made from."""


class CertificateAuthority(Part):
    """A certificate authority in Vault; a new generation is made beside the old one, never in its place."""

    generation: int = Field(ge=1, le=999, description="Counts up with each rotation.")
    lifetime: Duration = Field(description="Life time of the CA's own certificate.")
    key_bits: int = Field(description="Length of its RSA key: 2048, 3072 or 4096.")
    approved: CaApproval | None = Field(
        None,
        description="Generation and digest of the CA that is deployed: a change of its subject, key or life time is "
        "refused without a new generation. A protected site must name it (`sitectl validate` says which).",
    )


class LeafRole(Part):
    """A Vault role that issues leaf certificates."""

    maximum: Duration = Field(description="Longest life time of a certificate.")


class ClientKeys(Part):
    """Which keys a certificate may be asked for, by class of clients."""

    device: KeyType = Field(description="Of devices.")
    gateway: KeyType = Field(description="Of edge gateways.")
    service: KeyType = Field(description="Of services and host applications.")
    mirror: KeyType = Field(description="Of the OT mirror.")


class RevocationList(Part):
    """How long a list of revoked certificates is good, and when Vault makes the next one."""

    lifetime: Duration = Field(description="Time from a list's making to its end (`nextUpdate`).")
    rebuild_before: Duration = Field(
        description="How long before its end Vault makes the next list: so long may Vault be away."
    )


class Pki(Part):
    """The site's public key infrastructure."""

    organization: Text = Field(description="Organization (O) in the CAs' subjects.")
    root: CertificateAuthority = Field(description="Root CA; signs issuing CAs only.")
    issuing: CertificateAuthority = Field(description="Issuing CA; signs leaves.")
    server_certificates: LeafRole = Field(description="Certificates of the site's servers.")
    device_certificates: LeafRole = Field(description="Client certificates of devices and gateways.")
    client_keys: ClientKeys = Field(
        description="Keys of client certificates: `ec` (P-256), `rsa` (2048 bits or more) or `any`, for which Vault "
        "signs requests and makes no keys itself."
    )
    revocation_list: RevocationList = Field(description="Lists of revoked certificates.")

    @property
    def longest_leaf(self) -> Duration:
        """The longest life time of a certificate of the issuing CA."""
        return max(self.server_certificates.maximum, self.device_certificates.maximum)
