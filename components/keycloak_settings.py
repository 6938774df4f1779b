"""Each setting of the site's realm, said in full: what is not said, Keycloak's provider puts back to its own idea."""

from typing import Any

import pulumi_keycloak as keycloak

from components import keycloak_neutral
from model import Site
from model.identity import Mail, Passwords


def realm_settings(site: Site) -> dict[str, Any]:
    """Return the realm's properties; durations are in the form that the provider reads back."""
    return (
        _who(site)
        | keycloak_neutral.THEMES
        | _logins(site)
        | _times(site)
        | {
            "security_defenses": _defenses(site),
            "web_authn_policy": keycloak_neutral.WEB_AUTHENTICATION,
            "web_authn_passwordless_policy": keycloak_neutral.PASSWORDLESS,
            "attributes": {},
            # Pulumi's own protection is the site's to choose.
            "terraform_deletion_protection": False,
        }
        | ({"smtp_server": _mail(site, site.identity.mail)} if site.identity.mail else {})
    )


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


def _logins(site: Site) -> dict[str, Any]:
    return {
        # Nobody comes in but who was let in, and never over a plain connection.
        "ssl_required": "all",
        "registration_allowed": False,
        "registration_email_as_username": False,
        "reset_password_allowed": False,
        "remember_me": False,
        # Without a mail server nobody could: the login of a person whom an administrator made would end in an error.
        "verify_email": site.identity.mail is not None,
        "login_with_email_allowed": False,
        "duplicate_emails_allowed": False,
        "edit_username_allowed": False,
        "password_policy": password_policy(site.identity.passwords),
        # Several requests of one session refresh at the same moment, by two proxies (docs/adr/0039).
        "revoke_refresh_token": False,
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


def password_policy(passwords: Passwords) -> str:
    """Return Keycloak's text for what passwords must be."""
    policies = {
        "length": passwords.length,
        # The hash of a text without end would cost as much.
        "maxLength": 128,
        "notUsername": "undefined",
        "notContainsUsername": "undefined",
        "notEmail": "undefined",
        "regexPattern": _different(passwords.different),
    }
    if passwords.history:
        policies["passwordHistory"] = passwords.history
    return " and ".join(f"{name}({value})" for name, value in policies.items())


def _different(count: int) -> str:
    """Return a pattern of texts with so many different characters; it looks at each character once (`(?>…)`)."""
    pattern = "(?>(.))"
    for number in range(1, count):
        seen = "|".join(rf"\{before}" for before in range(1, number + 1))
        pattern += f"(?>.*?(?!{seen})(.))"
    return f"^{pattern}.*$"


def _mail(site: Site, mail: Mail) -> keycloak.RealmSmtpServerArgs:
    login = mail.login
    return keycloak.RealmSmtpServerArgs(
        host=mail.host,
        port=str(mail.port),
        from_=mail.sender,
        from_display_name=mail.sender_name or site.title,
        reply_to="",
        reply_to_display_name="",
        envelope_from="",
        starttls=mail.encryption == "starttls",
        ssl=mail.encryption == "tls",
        allow_utf8=False,
        auth=keycloak.RealmSmtpServerAuthArgs(
            username=login.user,
            # A reference: Keycloak itself reads the password, from its own vault.
            password=f"${{vault.{login.secret}}}",
        )
        if login
        else None,
    )


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
        headers=keycloak_neutral.HEADERS,
        brute_force_detection=keycloak.RealmSecurityDefensesBruteForceDetectionArgs(
            brute_force_strategy="MULTIPLE",
            permanent_lockout=False,
            max_temporary_lockouts=0,
            max_login_failures=force.failures,
            max_secondary_auth_failures=force.failures,
            wait_increment_seconds=force.wait.seconds,
            max_failure_wait_seconds=force.maximum_wait.seconds,
            quick_login_check_milli_seconds=1000,
            minimum_quick_login_wait_seconds=force.wait.seconds,
            failure_reset_time_seconds=43_200,
        ),
    )
