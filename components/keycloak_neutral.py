"""What the kit does not use of Keycloak's resources, said in full, as for Vault (`components.vault_settings`).

The values are Keycloak 26's own, so that a new realm and its built-in clients need no change to have them.
"""

from typing import Any

import pulumi_keycloak as keycloak

THEMES: dict[str, Any] = {
    # An empty one cannot be said: the provider would not send it.
    "login_theme": "keycloak.v2",
    "account_theme": "keycloak.v3",
    "admin_theme": "keycloak.v2",
    "email_theme": "keycloak",
}

HEADERS = keycloak.RealmSecurityDefensesHeadersArgs(
    content_security_policy="frame-src 'self'; frame-ancestors 'self'; object-src 'none';",
    content_security_policy_report_only="",
    strict_transport_security="max-age=31536000; includeSubDomains",
    x_content_type_options="nosniff",
    x_frame_options="SAMEORIGIN",
    x_robots_tag="none",
    # No longer Keycloak's: browsers have no use for it.
    x_xss_protection="",
    referrer_policy="no-referrer",
)

_UNSPECIFIED = "not specified"
_WEB_AUTHENTICATION: dict[str, Any] = {
    "acceptable_aaguids": [],
    "attestation_conveyance_preference": _UNSPECIFIED,
    "authenticator_attachment": _UNSPECIFIED,
    "avoid_same_authenticator_register": False,
    "create_timeout": 0,
    "extra_origins": [],
    "relying_party_entity_name": "keycloak",
    "relying_party_id": "",
    "signature_algorithms": ["ES256", "RS256"],
}
WEB_AUTHENTICATION = keycloak.RealmWebAuthnPolicyArgs(
    **_WEB_AUTHENTICATION, discoverable_credential=_UNSPECIFIED, user_verification_requirement=_UNSPECIFIED
)
PASSWORDLESS = keycloak.RealmWebAuthnPasswordlessPolicyArgs(
    **_WEB_AUTHENTICATION,
    discoverable_credential="required",
    user_verification_requirement="required",
    passwordless_passkeys_enabled=False,
)

CLIENT: dict[str, Any] = {
    "access_token_lifespan": "",
    "admin_url": "",
    "allow_refresh_token_in_standard_token_exchange": "",
    "always_display_in_console": False,
    "backchannel_logout_revoke_offline_sessions": False,
    "backchannel_logout_session_required": True,
    "backchannel_logout_url": "",
    "base_url": "",
    "client_offline_session_idle_timeout": "",
    "client_offline_session_max_lifespan": "",
    "client_session_idle_timeout": "",
    "client_session_max_lifespan": "",
    "consent_required": False,
    "consent_screen_text": "",
    "description": "",
    "direct_access_grants_enabled": False,
    "display_on_consent_screen": False,
    "enabled": True,
    "exclude_issuer_from_auth_response": False,
    "exclude_session_state_from_auth_response": False,
    "extra_config": {},
    "frontchannel_logout_enabled": False,
    "frontchannel_logout_url": "",
    "full_scope_allowed": False,
    "implicit_flow_enabled": False,
    "login_theme": "",
    "oauth2_device_authorization_grant_enabled": False,
    "oauth2_device_code_lifespan": "",
    "oauth2_device_polling_interval": "",
    "oauth2_jwt_authorization_grant_enabled": False,
    "oauth2_jwt_authorization_grant_idp": "",
    "pkce_code_challenge_method": "",
    "require_dpop_bound_tokens": False,
    "root_url": "",
    "service_accounts_enabled": False,
    "standard_flow_enabled": False,
    "standard_token_exchange_enabled": False,
    "use_refresh_tokens": True,
    "use_refresh_tokens_client_credentials": False,
    "valid_post_logout_redirect_uris": [],
    # Said also where no flow uses them: an address that a hand adds would block every update.
    "valid_redirect_uris": [],
    "web_origins": [],
}
"""Of a client: everything off."""

_WITH_ERRORS = (
    *("LOGIN", "REGISTER", "LOGOUT", "CODE_TO_TOKEN", "CLIENT_LOGIN", "FEDERATED_IDENTITY_LINK"),
    *("REMOVE_FEDERATED_IDENTITY", "UPDATE_EMAIL", "UPDATE_PROFILE", "UPDATE_PASSWORD", "UPDATE_TOTP"),
    *("VERIFY_EMAIL", "VERIFY_PROFILE", "REMOVE_TOTP", "GRANT_CONSENT", "UPDATE_CONSENT", "REVOKE_GRANT"),
    *("SEND_VERIFY_EMAIL", "SEND_RESET_PASSWORD", "SEND_IDENTITY_PROVIDER_LINK", "RESET_PASSWORD"),
    *("RESTART_AUTHENTICATION", "IDENTITY_PROVIDER_LINK_ACCOUNT", "IDENTITY_PROVIDER_LOGIN"),
    *("IDENTITY_PROVIDER_FIRST_LOGIN", "IDENTITY_PROVIDER_POST_LOGIN", "IMPERSONATE"),
    *("CUSTOM_REQUIRED_ACTION", "EXECUTE_ACTIONS", "EXECUTE_ACTION_TOKEN", "CLIENT_REGISTER"),
    *("CLIENT_UPDATE", "CLIENT_DELETE", "CLIENT_INITIATED_ACCOUNT_LINKING", "TOKEN_EXCHANGE"),
    *("OAUTH2_DEVICE_AUTH", "OAUTH2_DEVICE_VERIFY_USER_CODE", "OAUTH2_DEVICE_CODE_TO_TOKEN"),
    *("AUTHREQID_TO_TOKEN", "DELETE_ACCOUNT", "OAUTH2_EXTENSION_GRANT"),
    *("FEDERATED_IDENTITY_OVERRIDE_LINK", "UPDATE_CREDENTIAL", "REMOVE_CREDENTIAL", "INVITE_ORG"),
    *("VERIFIABLE_CREDENTIAL_REQUEST", "VERIFIABLE_CREDENTIAL_OFFER_REQUEST"),
    *("VERIFIABLE_CREDENTIAL_CREATE_OFFER", "VERIFIABLE_CREDENTIAL_PRE_AUTHORIZED_GRANT"),
    "JWT_AUTHORIZATION_GRANT",
)
EVENT_TYPES = sorted(
    (
        *_WITH_ERRORS,
        *(f"{name}_ERROR" for name in _WITH_ERRORS),
        *("PERMISSION_TOKEN", "USER_DISABLED_BY_PERMANENT_LOCKOUT", "USER_DISABLED_BY_TEMPORARY_LOCKOUT"),
    )
)
"""What Keycloak 26.7 records where nothing is chosen; a name that an older one does not know is kept and never used."""
