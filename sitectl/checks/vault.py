"""Preflight's look at Vault: it answers, is unsealed, and the token may do what `pulumi up` will do."""

from datetime import UTC, datetime

from components.issuing_roles import issuing_roles
from components.vault_names import SERVER_ROLE, issuing_mount, login_mount, logins, root_mount
from model import Site
from sitectl.checks import Finding, Unreachable, bootstrap
from sitectl.checks.authorities import authority_findings
from sitectl.checks.secrets import slot_findings
from sitectl.checks.web import Web
from sitectl.vault_token import headers, vault_token

AREA = "vault"
SHORTEST_LIFE = 900  # seconds; an `up` with certificates to wait for takes some minutes
MAKE = frozenset({"create", "update"})
REFUSED, WRONG_REQUEST = 403, 400


def check(site: Site, address: str, authorities: str | None) -> list[Finding]:
    """Look at the Vault at `address` with the token of the environment; `authorities` is PEM text of its CAs."""
    token = vault_token()
    unsigned = Web(address, authorities, headers(None))
    try:
        findings = [_health(unsigned)]
        if not findings[0].passed:
            return findings
        if token is None:
            return [*findings, Finding(AREA, "token", "none", "`vault login`, or set VAULT_TOKEN")]
        web = Web(address, authorities, headers(token))
        token_finding = _token_finding(web)
        findings.append(token_finding)
        if token_finding.passed:
            rights = _rights(web, site)
            findings += [_logins(unsigned, site), rights]
            findings += authority_findings(web, site, datetime.now(UTC))
            if rights.passed:
                # Who has not the deployer's policy does not see its mark either.
                findings += [bootstrap.finding(web, site), *slot_findings(web, site)]
    except Unreachable as failure:
        remedy = (
            "check iot-broker:vaultAddress in the stack's settings, the network, and iot-broker:vaultCaFile"
        )
        return [Finding(AREA, f"{failure.address} answers", failure.reason, remedy)]
    return findings


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
    """Return each Vault path that `pulumi up` of the site uses, with the capabilities that it needs there."""
    whole = MAKE | {"read", "delete"}
    kept = MAKE | {"read"}
    root, issuing = root_mount(site), issuing_mount(site)
    paths = {f"sys/mounts/{mount}": whole for mount in (root, issuing)}
    paths |= {
        f"{mount}/config/{part}": kept for mount in (root, issuing) for part in ("urls", "issuers", "crl")
    }
    paths |= {f"{issuing}/roles/{role.name}": whole for role in issuing_roles(site)}
    paths[f"{root}/issuers/generate/root/internal"] = MAKE
    paths[f"{root}/issuer/default/sign-intermediate"] = MAKE
    paths[f"{issuing}/issuers/generate/intermediate/internal"] = MAKE
    paths[f"{issuing}/intermediate/set-signed"] = MAKE
    # The key of the state's secrets.
    paths |= {
        f"transit/{act}/iot-broker-{site.name}": frozenset({"update"}) for act in ("encrypt", "decrypt")
    }
    return paths


def _logins(web: Web, site: Site) -> Finding:
    """Look, without any token, whether the bootstrap has made the logins: Vault says so to who tries one in vain."""
    what = "logins for certificates"
    path, wanted = f"/v1/auth/{login_mount(site)}/login", logins(site)
    # Without a token of Kubernetes, a login that is there calls the request wrong; one that is not, refuses it.
    if web.post_json(path, {"role": wanted[SERVER_ROLE]}).status != WRONG_REQUEST:
        return Finding(AREA, what, f"there is none at auth/{login_mount(site)}", bootstrap.remedy(site))
    lacking = [
        login
        for login in wanted.values()
        if web.post_json(path, {"role": login, "jwt": "none"}).status != REFUSED
    ]
    if lacking:
        return Finding(AREA, what, f"lacks {', '.join(lacking)}", bootstrap.remedy(site))
    return Finding(AREA, what, f"{', '.join(wanted.values())} at auth/{login_mount(site)}")


def _rights(web: Web, site: Site) -> Finding:
    wanted = wanted_paths(site)
    what = "the token's rights"
    answer = web.post_json("/v1/sys/capabilities-self", {"paths": list(wanted)})
    if answer.status != 200:
        return Finding(AREA, what, "may not ask for its own capabilities", bootstrap.remedy(site))
    lacking = []
    for path, capabilities in wanted.items():
        has = set(answer.body["data"].get(path, ()))
        missing = capabilities - has
        if missing and "root" not in has:
            lacking.append(f"{path} ({', '.join(sorted(missing))})")
    if lacking:
        remedy = f"give the token the policy iot-{site.name}-deployer; to make it, {bootstrap.remedy(site)}"
        return Finding(AREA, what, "may not use " + "; ".join(lacking), remedy)
    return Finding(AREA, what, f"all that `up` needs on {len(wanted)} paths")
