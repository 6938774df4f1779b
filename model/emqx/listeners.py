"""EMQX's listeners: TLS only; the two plain kinds can be said to be off, and nothing else."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from model.emqx.section import MountedFile, Section, SecureAddress
from model.units import Bytes, Duration, Rate

Versions = tuple[Literal["tlsv1.3", "tlsv1.2"], ...]

AccessRule = Annotated[str, StringConstraints(pattern=r"^(allow [0-9a-f.:]+/\d{1,3}|deny all)$")]


ZoneName = Literal["worker", "bridge"]
"""A zone: settings that hold for the clients of one listener beside those of all."""
Bind = Annotated[str, StringConstraints(pattern=r"^0\.0\.0\.0:\d{1,5}$")]
"""An address and a port: a port alone is the node's own address alone under the security profile `hardened`."""


class BytesRate(Bytes):
    """Bytes in a second."""

    def __str__(self) -> str:
        return f"{Bytes(self.count)}/s"


class Off(Section):
    """A listener that is switched off; there is no form of a plain one that is on."""

    enable: Literal[False] = False


class OffListeners(Section):
    """The listeners of a plain kind: EMQX would open the default one if it were not said to be off."""

    default: Off = Off()


class Stapling(Section):
    """OCSP: the server hands its own certificate's fresh status to the clients."""

    enable_ocsp_stapling: Literal[True] = True
    responder_url: SecureAddress
    issuer_pem: MountedFile
    refresh_interval: Duration
    refresh_http_timeout: Duration


class DeviceTls(Section):
    """TLS of a listener that takes clients with a certificate of ours, and nobody else."""

    certfile: MountedFile
    keyfile: MountedFile
    versions: Versions = ("tlsv1.3", "tlsv1.2")
    cacertfile: MountedFile
    verify: Literal["verify_peer"] = "verify_peer"
    fail_if_no_peer_cert: Literal[True] = True
    enable_crl_check: bool | None = None
    ocsp: Stapling | None = None


class TokenTls(Section):
    """TLS of a listener whose clients have no certificate: they bring a token."""

    certfile: MountedFile
    keyfile: MountedFile
    versions: Versions = ("tlsv1.3", "tlsv1.2")
    verify: Literal["verify_none"] = "verify_none"


class _Limited(Section):
    bind: Bind
    max_connections: Annotated[int, Field(ge=1)]
    max_conn_rate: Rate
    messages_rate: Rate
    """Of a single client."""
    bytes_rate: BytesRate
    """Of a single client."""


class DeviceListener(_Limited):
    """Clients with certificates.

    A certificate is no step of EMQX's authentication chain: with the chain on, a device that has nothing but its
    certificate would be refused. The handshake has authenticated it.
    """

    enable_authn: Literal[False] = False
    zone: ZoneName | None = None
    """Whose settings hold for its clients beside those of all (`zones`)."""
    access_rules: tuple[AccessRule, ...] | None = None
    """Whose addresses are let in, the first rule that fits deciding; left out, all are."""
    ssl_options: DeviceTls


class TokenListener(_Limited):
    """Clients with tokens: the authentication chain is on."""

    enable_authn: Literal[True] = True
    ssl_options: TokenTls


class Listeners(Section):
    """All listeners, by kind and name."""

    tcp: OffListeners = OffListeners()
    ws: OffListeners = OffListeners()
    ssl: dict[str, DeviceListener | TokenListener]
    wss: dict[str, TokenListener]
