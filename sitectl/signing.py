"""Signs content with a key that never leaves Vault, or with a key of minutes that Vault certifies.

Where Vault is and who asks comes from the variables that Vault's own command reads: VAULT_ADDR, VAULT_CACERT,
VAULT_TOKEN (or the file `~/.vault-token`), VAULT_NAMESPACE.
"""

import base64
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.calendar import Moment
from model.datafile import as_data, content_of
from model.promotion.record import Signature
from model.promotion.signers import Signer, message

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SECONDS = 15.0
# As long as one signature takes; the time in the signature must lie in it.
CERTIFICATE_LIFETIME = "10m"


class SigningError(Exception):
    """Vault did not sign: why, and what would help."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n    {remedy}")


def sign(signer: Signer, form: str, content: str, now: datetime, identity: str | None = None) -> Signature:
    """Return a signer's signature over content of a format; raises SigningError.

    `identity` is the name that a keyless certificate is asked for; the signer's only one when left out.
    """
    made_at = Moment.of(now)
    text = message(form, content, made_at)
    if signer.method == "transit":
        return _by_transit(signer, text, made_at)
    return _keyless(signer, text, made_at, identity)


def signed(
    data: Mapping[str, Any], signer: Signer, now: datetime, identity: str | None = None
) -> dict[str, Any]:
    """Return a data file's content with its hash and a signer's signature, in place of those it had.

    Raises SigningError.
    """
    bare = {key: value for key, value in data.items() if key not in ("content", "signature")}
    content = content_of(bare)
    signature = sign(signer, str(bare["format"]), content, now, identity)
    return {**bare, "content": content, "signature": as_data(signature)}


def public_keys(path: str) -> dict[int, str]:
    """Return the public keys of a transit key as PEM text, by version; raises SigningError."""
    mount, _, key = path.rpartition("/")
    data = _ask("GET", f"/v1/{mount}/keys/{key}")
    if data.get("type") not in {"ed25519", "ecdsa-p256"}:
        raise SigningError(
            f"the key {path} is of type `{data.get('type')}`", "make one of type `ed25519` or `ecdsa-p256`"
        )
    return {int(version): _pem(str(entry["public_key"])) for version, entry in data["keys"].items()}


def authority(path: str) -> str:
    """Return the certificate of the authority behind `<mount>/<role>` as PEM text; raises SigningError."""
    mount, _, _ = path.rpartition("/")
    return str(_ask("GET", f"/v1/{mount}/cert/ca")["certificate"]).strip() + "\n"


def _by_transit(signer: Signer, text: bytes, made_at: Moment) -> Signature:
    mount, _, key = signer.path.rpartition("/")
    body = {"input": base64.b64encode(text).decode(), "hash_algorithm": "sha2-256"}
    _, version, value = str(_ask("POST", f"/v1/{mount}/sign/{key}", body)["signature"]).split(":", 2)
    return Signature(
        signer=signer.name,
        method="transit",
        key_version=int(version.removeprefix("v")),
        made_at=made_at,
        value=value,
    )


def _keyless(signer: Signer, text: bytes, made_at: Moment, identity: str | None) -> Signature:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.hashes import SHA256

    exact = [name for name in signer.identities if "*" not in name]
    name = identity or (exact[0] if len(exact) == 1 else None)
    if name is None:
        raise SigningError(
            f"`{signer.name}` signs for more than one name",
            "say which is yours: --identity you@field.example",
        )
    key = generate_private_key(SECP256R1())  # lives in memory, for this one signature
    mount, _, role = signer.path.rpartition("/")
    body = {"csr": _request(key, name), "common_name": name, "ttl": CERTIFICATE_LIFETIME}
    data = _ask("POST", f"/v1/{mount}/sign/{role}", body)
    chain = [data["certificate"], *(data.get("ca_chain") or [data["issuing_ca"]])]
    return Signature(
        signer=signer.name,
        method="keyless",
        certificate="".join(f"{part.strip()}\n" for part in chain),
        made_at=made_at,
        value=base64.b64encode(key.sign(text, ECDSA(SHA256()))).decode(),
    )


def _request(key: "EllipticCurvePrivateKey", name: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def _pem(public_key: str) -> str:
    """Return Vault's public key as PEM: it gives Ed25519 keys as bare bytes in base64."""
    if public_key.startswith("-----BEGIN"):
        return public_key.strip() + "\n"
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _ask(method: str, path: str, body: object = None) -> dict[str, Any]:
    import ssl

    import urllib3

    address, token = os.environ.get("VAULT_ADDR", ""), _token()
    if not address.startswith("https://"):
        raise SigningError("VAULT_ADDR names no https:// address", "set it, and log in: `vault login`")
    headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
    if namespace := os.environ.get("VAULT_NAMESPACE"):
        headers["X-Vault-Namespace"] = namespace
    try:
        context = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT") or None)
        pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=SECONDS)
        answer = pool.request(
            method,
            address.rstrip("/") + path,
            body=json.dumps(body).encode() if body else None,
            headers=headers,
        )
        data = json.loads(answer.data or b"{}")
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise SigningError(
            f"Vault does not answer at {address}: {error}", "check VAULT_ADDR and VAULT_CACERT"
        ) from None
    if answer.status // 100 != 2:
        words = "; ".join(str(word).strip() for word in data.get("errors") or ()) or "no reason given"
        raise SigningError(
            f"Vault refuses {method} {path} ({answer.status}): {words}",
            "the token needs the rights of rights/vault/promoter.hcl, or to be of whose name it is (approver.hcl): "
            "docs/promotion.md",
        )
    found: dict[str, Any] = data["data"]
    return found


def _token() -> str:
    token = os.environ.get("VAULT_TOKEN", "")
    file = Path.home() / ".vault-token"
    if not token and file.is_file():
        token = file.read_text(encoding="utf-8").strip()
    if not token:
        raise SigningError("there is no Vault token", "log in: `vault login`, or set VAULT_TOKEN")
    return token
