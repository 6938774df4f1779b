"""Whose signatures count, and whether one is right: checked with public keys alone, with no server at hand."""

import base64
import binascii
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from model.base import Label, Part, Pem, Text, VaultPath
from model.calendar import Moment
from model.datafile import DataFile, read_file
from model.promotion.record import Signature

Use = Literal["promotion", "approval", "policy", "comparison", "routes", "training", "review"]


class PublicKey(Part):
    """One version of a transit key."""

    version: Annotated[int, Field(ge=1)] = Field(description="The version in Vault.")
    key: Pem = Field(description="The public key: Ed25519, or ECDSA on P-256.")
    until: Moment | None = Field(
        None, description="What is signed later does not count: the key was withdrawn."
    )


class Signer(Part):
    """One key in Vault transit, or one authority for keys of minutes, and what its signatures are for."""

    name: Label = Field(description="Short name; a signature refers to it.")
    method: Literal["transit", "keyless"] = Field(description="A key in Vault, or certificates of minutes.")
    uses: tuple[Use, ...] = Field(min_length=1, description="What it may sign.")
    path: VaultPath = Field(
        description="`<mount>/<key>` of the transit key, or `<mount>/<role>` of the PKI role."
    )
    keys: tuple[PublicKey, ...] = Field(default=(), description="Transit: the public keys, by version.")
    authority: Pem | None = Field(default=None, description="Keyless: the root certificate.")
    identities: tuple[Text, ...] = Field(
        (), description="Keyless: names that may sign, with `*` for any characters."
    )
    until: Moment | None = Field(
        default=None,
        description="What is signed later does not count, by whatever key: the signer was withdrawn.",
    )


class Signers(Part):
    """Everybody whose signature counts."""

    format: Literal["iot-broker/signers/1"] = Field(description="Format and version of this file.")
    signers: tuple[Signer, ...] = Field(default=(), description="The signers; keyed by name.")

    def named(self, name: str) -> Signer | None:
        """Return the signer of a name, or None."""
        return next((signer for signer in self.signers if signer.name == name), None)


def signers_file(stacks: Path) -> Path:
    """Return the file that says whose signatures count."""
    return stacks / "promotions" / "signers.yaml"


def read_signers(stacks: Path, content: bytes | None = None) -> DataFile[Signers]:
    """Read whose signatures count; `content` is what the file holds elsewhere than in the folder."""
    return read_file(signers_file(stacks), Signers, content)


def message(form: str, content: str, made_at: Moment) -> bytes:
    """Return the bytes that are signed: the format, so that no signature serves another one, content and time."""
    return f"{form}\n{content}\n{made_at}\n".encode()


def refusal(
    signers: Signers,
    use: Use,
    form: str,
    content: str,
    signature: Signature,
    seen: datetime | None = None,
) -> tuple[str, str] | None:
    """Return what is wrong with a signature and what would be right; None when it is right.

    `seen` is when it is known to have been there: its own time is the signer's word, and whoever has a stolen key
    writes an earlier one. Of a withdrawn key only what was seen before counts.
    """
    signer = signers.named(signature.signer)
    if signer is None:
        return (
            f"`{signature.signer}` is no signer",
            "name one of stacks/promotions/signers.yaml, and sign again",
        )
    if use not in signer.uses:
        return f"`{signer.name}` may not sign this", f"sign it as a signer whose `uses` name `{use}`"
    if signature.method != signer.method:
        return f"`{signer.name}` does not sign by `{signature.method}`", f"sign it by `{signer.method}`"
    try:
        value = base64.b64decode(signature.value, validate=True)
    except binascii.Error:
        return "the signature is not base64", "sign it again"
    if late := _too_late(signer.until, signature, seen):
        return f"`{signer.name}` was withdrawn on {signer.until}{late}", "sign it again as another signer"
    text = message(form, content, signature.made_at)
    if signer.method == "transit":
        return _transit_refusal(signer, signature, text, value, seen)
    return _keyless_refusal(signer, signature, text, value)


def names_of(signature: Signature) -> tuple[str, ...]:
    """Return the names that the certificate of a keyless signature is for; whether it counts `refusal` says."""
    from cryptography import x509

    if signature.certificate is None:
        return ()
    try:
        leaf = x509.load_pem_x509_certificates(signature.certificate.encode())[0]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ()
    return tuple(str(name.value) for name in names)


def _too_late(until: Moment | None, signature: Signature, seen: datetime | None) -> str:
    """Return in which way a signature is later than what was withdrawn; nothing when it is not."""
    if until is None:
        return ""
    if signature.made_at > until:
        return f", and the signature is of {signature.made_at}"
    return ", and the signature was not there before that" if seen is not None and seen > until.at else ""


def _transit_refusal(
    signer: Signer, signature: Signature, text: bytes, value: bytes, seen: datetime | None
) -> tuple[str, str] | None:
    key = next((key for key in signer.keys if key.version == signature.key_version), None)
    if key is None:
        return (
            f"version {signature.key_version} of the key of `{signer.name}` is not known",
            f"fetch the public keys: `sitectl signers refresh {signer.name}`",
        )
    if late := _too_late(key.until, signature, seen):
        return (
            f"version {key.version} was withdrawn on {key.until}{late}",
            "sign it again with a later version",
        )
    return None if _verified(key.key, text, value) else _FORGED


def _keyless_refusal(
    signer: Signer, signature: Signature, text: bytes, value: bytes
) -> tuple[str, str] | None:
    if signature.certificate is None or signer.authority is None:
        return "a keyless signature needs a certificate, and its signer an authority", "sign it again"
    try:
        names = _certified(signature.certificate, signer.authority, signature.made_at.at)
    except ValueError as error:
        return f"its certificate does not count: {error}", "sign it again"
    if not any(fnmatchcase(name, pattern) for name in names for pattern in signer.identities):
        who = ", ".join(names) or "a certificate without a name"
        return f"`{who}` may not sign as `{signer.name}`", "add the name to the signer's `identities`"
    return None if _verified(signature.certificate, text, value) else _FORGED


_FORGED = (
    "the signature does not fit the content",
    "restore the file as it was signed (`git log` knows it), or sign it again",
)


def _verified(pem: str, text: bytes, value: bytes) -> bool:
    """Check a signature against a PEM public key, or the first certificate of a PEM chain."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        if "BEGIN CERTIFICATE" in pem:
            key: object = x509.load_pem_x509_certificates(pem.encode())[0].public_key()
        else:
            key = load_pem_public_key(pem.encode())
        if isinstance(key, Ed25519PublicKey):
            key.verify(value, text)
        elif isinstance(key, EllipticCurvePublicKey):
            key.verify(value, text, ECDSA(SHA256()))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def _certified(chain: str, authority: str, moment: datetime) -> tuple[str, ...]:
    """Return the names in the first certificate of a chain that led to the authority at a moment.

    Raises ValueError for one that did not.
    """
    from cryptography import x509
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    try:
        leaf, *others = x509.load_pem_x509_certificates(chain.encode())
        store = Store(x509.load_pem_x509_certificates(authority.encode()))
        verifier = PolicyBuilder().store(store).time(moment).build_client_verifier()
        verified = verifier.verify(leaf, others)
    except VerificationError as error:
        raise ValueError(str(error)) from None
    return tuple(str(name.value) for name in verified.subjects or ())
