"""Signs the run in to Vault with the identity that its forge vouches for: no stored key, and a token of minutes."""

import json
import os
import ssl
from pathlib import Path
from typing import Any

from pipelines.forge import ForgeError
from sitectl.signing import SigningError

SECONDS = 30.0
AUDIENCE = "iot-broker"


def login(mount: str, role: str) -> Path:
    """Sign in by the forge's OpenID Connect token, and keep Vault's token where `vault login` keeps it.

    Raises ForgeError when the forge gives no identity, SigningError when Vault takes none.
    """
    answer = _post(f"/v1/auth/{mount}/login", {"role": role, "jwt": identity()})
    file = Path.home() / ".vault-token"
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(answer["auth"]["client_token"], encoding="utf-8")
    return file


def identity() -> str:
    """Return the run's OpenID Connect token, for the audience `iot-broker`; raises ForgeError.

    GitLab puts it into a variable (`id_tokens: VAULT_ID_TOKEN`), GitHub gives it at an address of the run's own.
    """
    if token := os.environ.get("VAULT_ID_TOKEN"):
        return token
    address, key = (os.environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{part}") for part in ("URL", "TOKEN"))
    if not address or not key:
        raise ForgeError(
            "the forge gives this run no identity\n"
            "    GitHub: `permissions: {id-token: write}`; GitLab: `id_tokens: {VAULT_ID_TOKEN: {aud: iot-broker}}`"
        )
    import urllib3

    if not address.startswith(("https://", "http://127.0.0.1:")):
        raise ForgeError(f"{address} is no https:// address")
    pool = urllib3.PoolManager(retries=False, timeout=SECONDS)
    try:
        answer = pool.request(
            "GET", f"{address}&audience={AUDIENCE}", headers={"Authorization": f"Bearer {key}"}
        )
        return str(json.loads(answer.data)["value"])
    except (urllib3.exceptions.HTTPError, OSError, ValueError, KeyError) as error:
        raise ForgeError(f"the forge gives this run no identity: {type(error).__name__}") from None


def _post(path: str, body: object) -> dict[str, Any]:
    import urllib3

    address = os.environ.get("VAULT_ADDR", "")
    if not address.startswith("https://"):
        raise SigningError("VAULT_ADDR names no https:// address", "set it as a variable of the pipeline")
    try:
        context = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT") or None)
        pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=SECONDS)
        answer = pool.request("POST", address.rstrip("/") + path, body=json.dumps(body).encode())
        data: dict[str, Any] = json.loads(answer.data or b"{}")
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise SigningError(
            f"Vault does not answer at {address}: {type(error).__name__}", "check VAULT_ADDR and VAULT_CACERT"
        ) from None
    if answer.status != 200:
        words = "; ".join(str(word) for word in data.get("errors") or ())
        raise SigningError(
            f"Vault refuses the run's identity ({answer.status}): {words}", "check role and claims"
        )
    return data
