"""Each setting of the site's realm, said in full: what is not said, Keycloak's provider puts back to its own idea."""

from typing import Any

import pulumi_keycloak as keycloak

from model import Site


def realm_settings(site: Site) -> dict[str, Any]:
    """Return the realm's properties; durations are in the form that the provider reads back."""
    return _who(site) | _logins() | _times(site) | {"security_defenses": _defenses(site)}


def _who(site: Site) -> dict[str, Any]:
    return {
        "realm": site.name,
        "enabled": True,
        "display_name": site.title,
        "display_name_html": "",
        "organizations_enabled": False,
        "admin_permissions_enabled": False,
        "user_managed_access": False,
    }


def _logins() -> dict[str, Any]:
    return {
        # Nobody comes in but who was let in, and never over a plain connection.
        "ssl_required": "all",
        "registration_allowed": False,
        "registration_email_as_username": False,
        "reset_password_allowed": False,
        "remember_me": False,
        "verify_email": True,
        "login_with_email_allowed": False,
        "duplicate_emails_allowed": False,
        "edit_username_allowed": False,
        "password_policy": "length(14) and notUsername(undefined) and notEmail(undefined)",
        "revoke_refresh_token": True,
        "refresh_token_max_reuse": 0,
        "default_signature_algorithm": "RS256",
        "otp_policy": keycloak.RealmOtpPolicyArgs(
            type="totp",
            algorithm="HmacSHA1",
            digits=6,
            initial_counter=0,
            look_ahead_window=1,
            period=30,
            code_reusable=False,
        ),
    }


def _times(site: Site) -> dict[str, Any]:
    sessions = site.identity.sessions
    return {
        "access_token_lifespan": sessions.access_token.go(),
        "access_token_lifespan_for_implicit_flow": sessions.access_token.go(),
        "sso_session_idle_timeout": sessions.idle.go(),
        "sso_session_max_lifespan": sessions.maximum.go(),
        # Zero: as the session above.
        "sso_session_idle_timeout_remember_me": "0s",
        "sso_session_max_lifespan_remember_me": "0s",
        "client_session_idle_timeout": "0s",
        "client_session_max_lifespan": "0s",
        "offline_session_idle_timeout": sessions.maximum.go(),
        "offline_session_max_lifespan_enabled": True,
        "offline_session_max_lifespan": sessions.maximum.go(),
        "access_code_lifespan": "1m0s",
        "access_code_lifespan_login": "30m0s",
        "access_code_lifespan_user_action": "5m0s",
        "action_token_generated_by_user_lifespan": "5m0s",
        "action_token_generated_by_admin_lifespan": "12h0m0s",
        "oauth2_device_code_lifespan": "10m0s",
        "oauth2_device_polling_interval": 5,
    }


def _defenses(site: Site) -> keycloak.RealmSecurityDefensesArgs:
    force = site.identity.brute_force
    return keycloak.RealmSecurityDefensesArgs(
        brute_force_detection=keycloak.RealmSecurityDefensesBruteForceDetectionArgs(
            brute_force_strategy="MULTIPLE",
            permanent_lockout=False,
            max_temporary_lockouts=0,
            max_login_failures=force.failures,
            wait_increment_seconds=force.wait.seconds,
            max_failure_wait_seconds=force.maximum_wait.seconds,
            quick_login_check_milli_seconds=1000,
            minimum_quick_login_wait_seconds=force.wait.seconds,
            failure_reset_time_seconds=43_200,
        ),
    )
