"""The certificates' part of the site: its root and issuing CA, and the roles that issue leaves."""

from pydantic import Field

from model.base import Part, Text
from model.units import Duration


class CertificateAuthority(Part):
    """A certificate authority in Vault; a new generation is made beside the old one, never in its place."""

    generation: int = Field(ge=1, le=999, description="Counts up with each rotation.")
    lifetime: Duration = Field(description="Life time of the CA's own certificate.")
    key_bits: int = Field(description="Length of its RSA key: 2048, 3072 or 4096.")


class LeafRole(Part):
    """A Vault role that issues leaf certificates."""

    maximum: Duration = Field(description="Longest life time of a certificate.")


class Pki(Part):
    """The site's public key infrastructure."""

    organization: Text = Field(description="Organization (O) in the CAs' subjects.")
    root: CertificateAuthority = Field(description="Root CA; signs issuing CAs only.")
    issuing: CertificateAuthority = Field(description="Issuing CA; signs leaves.")
    server_certificates: LeafRole = Field(description="Certificates of the site's servers.")
    device_certificates: LeafRole = Field(description="Client certificates of devices and gateways.")
