"""Preflight's look at Vault: it answers, is unsealed, and the token may do what `pulumi up` will do."""

import os
from pathlib import Path

from components.names import CLIENT_CLASSES
from components.vault_names import (
    LOGINS,
    PROBE_ROLE,
    SERVER_ROLE,
    issuing_mount,
    login_mount,
    policy_name,
    root_mount,
)
from model import Site
from sitectl.checks import Finding, Unreachable
from sitectl.checks.secrets import slot_findings
from sitectl.checks.web import Web

AREA = "vault"
SHORTEST_LIFE = 900  # seconds; an `up` with certificates to wait for takes some minutes
MAKE = frozenset({"create", "update"})


def check(site: Site, address: str, authorities: str | None) -> list[Finding]:
    """Look at the Vault at `address` with the token of the environment; `authorities` is PEM text of its CAs."""
    token = _token()
    headers = {"X-Vault-Request": "true"}
    if os.environ.get("VAULT_NAMESPACE"):
        headers["X-Vault-Namespace"] = os.environ["VAULT_NAMESPACE"]
    web = Web(address, authorities, headers)
    try:
        findings = [_health(web)]
        if not findings[0].passed:
            return findings
        if token is None:
            return [*findings, Finding(AREA, "token", "none", "`vault login`, or set VAULT_TOKEN")]
        web = Web(address, authorities, {**headers, "X-Vault-Token": token})
        token_finding = _token_finding(web)
        findings.append(token_finding)
        if token_finding.passed:
            rights = _rights(web, site)
            findings.append(rights)
            if rights.passed:
                findings += slot_findings(web, site)
    except Unreachable as failure:
        remedy = (
            "check iot-broker:vaultAddress in the stack's settings, the network, and iot-broker:vaultCaFile"
        )
        return [Finding(AREA, f"{failure.address} answers", failure.reason, remedy)]
    return findings


def _token() -> str | None:
    if os.environ.get("VAULT_TOKEN"):
        return os.environ["VAULT_TOKEN"]
    kept = Path.home() / ".vault-token"
    return kept.read_text().strip() if kept.is_file() else None


def _health(web: Web) -> Finding:
    answer = web.get("/v1/sys/health?standbyok=true&sealedcode=200&uninitcode=200")
    body = answer.body if isinstance(answer.body, dict) else {}
    what = f"{web.address} answers"
    if not body.get("initialized"):
        return Finding(AREA, what, "not initialised", "initialise and unseal it: `vault operator init`")
    if body.get("sealed"):
        return Finding(AREA, what, "sealed", "unseal it: `vault operator unseal`")
    return Finding(AREA, what, f"Vault {body.get('version', '?')}, unsealed")


def _token_finding(web: Web) -> Finding:
    answer = web.get("/v1/auth/token/lookup-self")
    if answer.status != 200:
        return Finding(
            AREA, "token", "not valid (expired or revoked)", "`vault login` again, and set VAULT_TOKEN"
        )
    data = answer.body["data"]
    life = int(data.get("ttl") or 0)
    if life and life < SHORTEST_LIFE:
        detail = f"ends in {life} s"
        return Finding(
            AREA, "token", detail, f"log in again: an `up` needs at least {SHORTEST_LIFE // 60} minutes"
        )
    return Finding(AREA, "token", f"policies {', '.join(data.get('policies', []))}")


def wanted_paths(site: Site) -> dict[str, frozenset[str]]:
    """Return each Vault path that `pulumi up` of the site writes, with the capabilities that it needs there."""
    whole = MAKE | {"read", "delete"}
    kept = MAKE | {"read"}
    root, issuing, login = root_mount(site), issuing_mount(site), login_mount(site)
    roles = (SERVER_ROLE, PROBE_ROLE, *CLIENT_CLASSES)
    policies = (*(f"issue-{role}" for role in roles), "read-authorities", "revoke")
    if site.platform.external_secrets is not None:
        policies += ("read-secrets",)
    paths = {f"sys/mounts/{mount}": whole for mount in (root, issuing)}
    paths |= {f"{mount}/config/{part}": kept for mount in (root, issuing) for part in ("urls", "issuers")}
    paths |= {f"{issuing}/roles/{role}": whole for role in roles}
    paths |= {f"sys/policies/acl/{policy_name(site, policy)}": whole for policy in policies}
    paths[f"{root}/root/generate/internal"] = MAKE
    paths[f"{root}/issuer/default/sign-intermediate"] = MAKE
    paths[f"{issuing}/intermediate/generate/internal"] = MAKE
    paths[f"{issuing}/intermediate/set-signed"] = MAKE
    paths[f"sys/auth/{login}"] = whole | {"sudo"}
    paths[f"auth/{login}/config"] = kept
    paths |= {f"auth/{login}/role/{role}": whole for role in LOGINS.values()}
    return paths


def _rights(web: Web, site: Site) -> Finding:
    wanted = wanted_paths(site)
    what = "the token's rights"
    answer = web.post_json("/v1/sys/capabilities-self", {"paths": list(wanted)})
    if answer.status != 200:
        return Finding(AREA, what, "may not ask for its own capabilities", "give it Vault's `default` policy")
    lacking = []
    for path, capabilities in wanted.items():
        has = set(answer.body["data"].get(path, ()))
        missing = capabilities - has
        if missing and "root" not in has:
            lacking.append(f"{path} ({', '.join(sorted(missing))})")
    if lacking:
        remedy = "give the token a policy like docs/vault-deployer-policy.hcl"
        return Finding(AREA, what, "may not write " + "; ".join(lacking), remedy)
    return Finding(AREA, what, f"all that `up` needs on {len(wanted)} paths")
