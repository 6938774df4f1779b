"""Turns by hand what a site has in Vault: each setting that a hand can change, all of them at once.

`read_vault` returns all that is looked at, to be compared before and after; `turn_vault` changes it. What the official
plugin cannot see (docs/adr/0040) is not turned.
"""

from collections.abc import Mapping
from typing import Any, Protocol


class Server(Protocol):
    """A server's administration interface: `tests.support.servers.Client`."""

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send a request."""

    def get(self, path: str) -> Any:
        """Return the JSON at a path."""


def settled(value: Any) -> Any:
    """Return what was read without what is off or empty: a server may say so or say nothing."""
    if isinstance(value, Mapping):
        kept = {name: settled(inner) for name, inner in value.items()}
        return {
            name: inner for name, inner in kept.items() if inner not in (None, False, "", "false", [], {})
        }
    if isinstance(value, list):
        inside = [settled(inner) for inner in value]
        # Sets of names come in any order.
        return sorted(inside) if all(isinstance(inner, str) for inner in inside) else inside
    return value


def must(reply: Any, what: str) -> None:
    """Fail unless the server agreed."""
    assert reply.status < 300, f"{what}: {reply.status} {reply.text}"


VAULT_ROLE = {
    **dict.fromkeys(
        (
            *("allow_any_name", "allow_glob_domains", "allow_ip_sans", "allow_localhost"),
            *("allow_wildcard_certificates", "allowed_domains_template", "allowed_uri_sans_template"),
            *("basic_constraints_valid_for_non_ca", "code_signing_flag", "email_protection_flag"),
            *("no_store", "use_pss"),
        ),
        True,
    ),
    **dict.fromkeys(("enforce_hostnames", "require_cn", "use_csr_common_name", "use_csr_sans"), False),
    "allowed_domains": ["turned.example"],
    "allowed_other_sans": ["*"],
    "allowed_serial_numbers": ["*"],
    "allowed_uri_sans": ["*"],
    "allowed_user_ids": ["*"],
    "cn_validations": ["disabled"],
    "country": ["XX"],
    "ext_key_usage": ["Any"],
    "ext_key_usage_oids": ["1.3.6.1.4.1.311.20.2.2"],
    "key_bits": 0,
    "key_type": "any",
    "key_usage": ["CertSign"],
    "locality": ["Turned"],
    "max_ttl": 99_999_999,
    "ttl": 88_888_888,
    "not_after": "2099-01-01T00:00:00Z",
    "not_before_duration": 7200,
    "organization": ["Turned"],
    "ou": ["Turned"],
    "policy_identifiers": ["1.3.6.1.4.1.7.8"],
    "postal_code": ["0"],
    "province": ["Turned"],
    "serial_number_source": "json",
    "signature_bits": 512,
    "street_address": ["Turned"],
}
VAULT_MOUNT = {
    "default_lease_ttl": "111s",
    "max_lease_ttl": "99999999s",
    "description": "turned",
    "audit_non_hmac_request_keys": ["common_name"],
    "audit_non_hmac_response_keys": ["certificate"],
    "listing_visibility": "unauth",
    "passthrough_request_headers": ["X-Turned"],
    "allowed_response_headers": ["X-Turned"],
}
VAULT_LOGIN = {**VAULT_MOUNT, "token_type": "batch"}
VAULT_LOGIN_ROLE = {
    "alias_name_source": "serviceaccount_name",
    "audience": "turned",
    "bound_service_account_names": ["*"],
    "bound_service_account_namespaces": ["*"],
    "token_bound_cidrs": ["10.0.0.0/8"],
    "token_explicit_max_ttl": 999_999,
    "token_max_ttl": 999_999,
    "token_no_default_policy": True,
    "token_num_uses": 7,
    "token_period": 999_999,
    "token_policies": ["root-like"],
    "token_ttl": 99_999,
    "token_type": "service",
}

# Whether a role's secrets are local is said when it is made: Vault changes it never again.
VAULT_MACHINE_ROLE = {
    "bind_secret_id": False,
    **{name: value for name, value in VAULT_LOGIN_ROLE.items() if name.startswith("token_")},
    "token_no_default_policy": False,
    "secret_id_bound_cidrs": ["10.0.0.0/8"],
    "secret_id_num_uses": 7,
    "secret_id_ttl": 999,
}


def read_vault(vault: Server, site: str) -> dict[str, Any]:
    """Return all that the site has in Vault, by path."""
    found: dict[str, Any] = {}
    for mount in (f"pki-{site}-root", f"pki-{site}-issuing"):
        engine = vault.get("/sys/mounts")["data"][f"{mount}/"]
        found[mount] = {name: value for name, value in engine.items() if name not in ("accessor", "uuid")}
        for part in ("urls", "issuers", "crl"):
            found[f"{mount}/config/{part}"] = vault.get(f"/{mount}/config/{part}")["data"]
    roles = f"pki-{site}-issuing/roles"
    for name in vault.get(f"/{roles}?list=true")["data"]["keys"]:
        found[f"{roles}/{name}"] = vault.get(f"/{roles}/{name}")["data"]
    for name in vault.get("/sys/policies/acl?list=true")["data"]["keys"]:
        if name.startswith(f"iot-{site}-"):
            found[f"sys/policies/acl/{name}"] = vault.get(f"/sys/policies/acl/{name}")["data"]
    found[f"auth/kubernetes-{site}/config"] = vault.get(f"/auth/kubernetes-{site}/config")["data"]
    return found | _read_login(vault, f"kubernetes-{site}") | _read_login(vault, f"approle-{site}")


def _read_login(vault: Server, mount: str) -> dict[str, Any]:
    found = {f"sys/auth/{mount}": vault.get(f"/sys/auth/{mount}/tune")["data"]}
    for name in vault.get(f"/auth/{mount}/role?list=true")["data"]["keys"]:
        found[f"auth/{mount}/role/{name}"] = vault.get(f"/auth/{mount}/role/{name}")["data"]
    return found


def turn_vault(vault: Server, found: Mapping[str, Any]) -> None:
    """Turn all of it; `found` is what was read."""
    for path, now in found.items():
        must(vault.ask("POST", f"/{_written(path)}", _turned(path, now)), path)


def _written(path: str) -> str:
    if path.startswith("sys/auth/"):
        return f"{path}/tune"
    return path if "/" in path else f"sys/mounts/{path}/tune"


def _turned(path: str, now: Mapping[str, Any]) -> Mapping[str, Any]:
    kinds: dict[str, Mapping[str, Any]] = {
        "/config/urls": {
            "issuing_certificates": ["http://turned.example/ca"],
            "crl_distribution_points": ["http://turned.example/crl"],
            "ocsp_servers": ["http://turned.example/ocsp"],
            "enable_templating": False,
        },
        "/config/issuers": {"default": now.get("default"), "default_follows_latest_issuer": True},
        "/config/crl": {
            "auto_rebuild": False,
            "auto_rebuild_grace_period": "11h",
            "delta_rebuild_interval": "17m",
            "disable": True,
            "expiry": "99h",
            "max_crl_entries": 7,
            "ocsp_disable": True,
            "ocsp_expiry": "7h",
        },
        "/roles/": {
            **VAULT_ROLE,
            **{
                name: not now.get(name)
                for name in ("allow_bare_domains", "allow_subdomains", "client_flag", "server_flag")
            },
        },
        "sys/policies/": {"policy": 'path "*" {\n  capabilities = ["sudo", "update"]\n}\n'},
        "sys/auth/": VAULT_LOGIN,
        "auth/approle-": VAULT_MACHINE_ROLE,
        "/role/": VAULT_LOGIN_ROLE,
        "/config": {
            **now,
            "kubernetes_host": "https://turned.example",
            "issuer": "turned",
            "disable_local_ca_jwt": False,
            "disable_iss_validation": not now.get("disable_iss_validation"),
            "use_annotations_as_alias_metadata": True,
        },
    }
    return next((value for part, value in kinds.items() if part in path), VAULT_MOUNT)
