"""What the kit does not use of Vault's resources, said in full: what is not said, no `up` puts right.

A property that a program leaves out is Vault's to choose, and stays as a hand edit left it. So each resource in Vault
takes its settings below beside its own (docs/adr/0040); `tests/unit/components/test_written.py` finds what is missing.
"""

from typing import Any

import pulumi_vault as vault

MOUNT: dict[str, Any] = {
    "allowed_managed_keys": [],
    "allowed_response_headers": [],
    "audit_non_hmac_request_keys": [],
    "audit_non_hmac_response_keys": [],
    "delegated_auth_accessors": [],
    "force_no_cache": False,
    "identity_token_key": "",
    "listing_visibility": "",
    "options": {},
    "passthrough_request_headers": [],
}
"""Of a secret engine."""

ROLE: dict[str, Any] = {
    "allowed_domains_template": False,
    "allowed_other_sans": [],
    "allowed_serial_numbers": [],
    "allowed_uri_sans_template": False,
    "allowed_user_ids": [],
    "basic_constraints_valid_for_non_ca": False,
    "countries": [],
    "ext_key_usage_oids": [],
    "ext_key_usages": [],
    "generate_lease": False,
    "localities": [],
    "not_after": "",
    "not_before_duration": "30s",
    "organization_unit": [],
    "policy_identifiers": [],
    "postal_codes": [],
    "provinces": [],
    "serial_number_source": "json-csr",
    # What Vault makes of 0 for keys of 256 bits, and gives back.
    "signature_bits": 256,
    "street_addresses": [],
    "use_pss": False,
}
"""Of a role of certificates."""

LOGIN_CONFIGURATION: dict[str, Any] = {
    "disable_iss_validation": False,
    "issuer": "",
    "pem_keys": [],
    "use_annotations_as_alias_metadata": False,
}
"""Of how a Kubernetes login reaches its API server."""

LOGIN_ROLE: dict[str, Any] = {
    "alias_metadata": {},
    "alias_name_source": "serviceaccount_uid",
    "bound_service_account_namespace_selector": "",
    "token_bound_cidrs": [],
    "token_explicit_max_ttl": 0,
    "token_no_default_policy": False,
    "token_num_uses": 0,
    "token_period": 0,
    "token_type": "default",
}
"""Of a role of a Kubernetes login."""

MACHINE_ROLE: dict[str, Any] = {
    "alias_metadata": {},
    "local_secret_ids": False,
    "secret_id_bound_cidrs": [],
    "secret_id_num_uses": 0,
    "secret_id_ttl": 0,
    "token_bound_cidrs": [],
    "token_explicit_max_ttl": 0,
    "token_no_default_policy": True,
    "token_num_uses": 0,
    "token_period": 0,
    "token_type": "default",
}
"""Of a role of a machines' login (AppRole)."""


def login_method(longest: str) -> dict[str, Any]:
    """Return the settings of a login mount whose tokens live no longer than `longest` (`10m`)."""
    return {
        "disable_remount": False,
        "identity_token_key": "",
        "tune": vault.AuthBackendTuneArgs(
            allowed_response_headers=[],
            audit_non_hmac_request_keys=[],
            audit_non_hmac_response_keys=[],
            default_lease_ttl=longest,
            max_lease_ttl=longest,
            listing_visibility="",
            passthrough_request_headers=[],
            token_type="default-service",  # noqa: S106 - a kind of token
        ),
    }
