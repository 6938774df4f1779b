"""Puts into the lab's Vault what people put there at a real site: the secrets that External Secrets brings."""

import base64
import secrets
import string
from collections.abc import Iterable
from pathlib import Path

from lab.servers.http import OK, Client

MOUNT = "iot"
# What is no password: authorities, a key of 32 bytes, and a secret that names its role.
_AUTHORITIES = ("ca.crt", "kafka-ca.crt")
_COOKIE, _ROLE, _SECRET = "cookie-secret", "secret-with-role", "secret"


def sites_with_slots(stacks: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return, for each site whose secrets come out of Vault, its slots in whatever phase, and their keys.

    A site whose files cannot be read is left out: `sitectl validate` says why, and the lab starts without it.
    """
    from components import names
    from components.broker_secrets import slots
    from components.incumbent_bridge import keys
    from model import SiteErrors, load_site, site_names

    found = {}
    for name in site_names(stacks):
        try:
            site = load_site(stacks, name)
        except SiteErrors:
            continue
        external = site.platform.external_secrets
        if external is not None and external.path == MOUNT:
            found[name] = slots(site) | {names.INCUMBENT_BRIDGE: keys(site)}
    return found


def fill(vault: Client, site: str, slots: dict[str, tuple[str, ...]], authority: str) -> None:
    """Give each key of the site's slots that has no value one; `authority` is the PEM text of Kafka's."""
    for slot, keys in slots.items():
        path = f"/v1/{MOUNT}/data/{site}/{slot}"
        answer = vault.ask("GET", path)
        present: dict[str, str] = answer.json()["data"]["data"] if answer.status in OK else {}
        missing = [key for key in keys if key not in present]
        if missing:
            vault.must("POST", path, {"data": present | _values(missing, present, authority)})


def _values(keys: Iterable[str], present: dict[str, str], authority: str) -> dict[str, str]:
    made = {key: _value(key, authority) for key in keys}
    if _ROLE in made:
        made[_ROLE] = f"{(present | made)[_SECRET]}:viewer"
    return made


def _value(key: str, authority: str) -> str:
    if key in _AUTHORITIES:
        return authority
    if key == _COOKIE:
        return base64.b64encode(secrets.token_bytes(32)).decode()
    # As Strimzi makes its own: it writes a password without quotes, and Kafka takes a digit at the start for a number.
    return secrets.choice(string.ascii_lowercase) + secrets.token_hex(24)
