"""Finds the token with which a command comes to Vault, as Vault's own command finds it."""

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "VAULT_TOKEN"


def vault_token() -> str | None:
    """Return the token of the environment, else the one that `vault login` left; None where there is none."""
    if os.environ.get(VARIABLE):
        return os.environ[VARIABLE]
    kept = Path.home() / ".vault-token"
    return kept.read_text(encoding="utf-8").strip() if kept.is_file() else None


def headers(token: str | None) -> dict[str, str]:
    """Return the headers of a request to Vault, in the namespace that the environment names."""
    found = {"X-Vault-Request": "true"}
    if os.environ.get("VAULT_NAMESPACE"):
        found["X-Vault-Namespace"] = os.environ["VAULT_NAMESPACE"]
    return {**found, "X-Vault-Token": token} if token else found


def for_pulumi() -> Mapping[str, str]:
    """Return what Pulumi needs in its environment: its `hashivault://` reads the variable, and never the file."""
    token = vault_token()
    return {**os.environ, VARIABLE: token} if token else dict(os.environ)
