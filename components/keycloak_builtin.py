"""What Keycloak puts into every realm: its own clients and the roles of every person, owned by the kit.

A client is adopted with the values that Keycloak gave it: the provider cannot turn a switch off on the way. That
`admin-cli` allows a password grant does no harm, since the realm's flow denies it. `broker` and `realm-management`
cannot be adopted (docs/adr/0039).
"""

from typing import Any

import pulumi
import pulumi_keycloak as keycloak
from pulumi_keycloak import openid

from components import keycloak_neutral
from components.component import SiteComponent

DEFAULT_ROLES = ("account/manage-account", "account/view-profile")
"""What every person may: their own account. Not `offline_access`, whose tokens outlive every session."""
_LIGHTWEIGHT = {"client.use.lightweight.access.token.enabled": "true"}


def own_built_ins(component: SiteComponent, realm: pulumi.Input[str]) -> None:
    """Adopt the realm's own clients, and set its default roles."""
    for client_id, settings in built_in_clients(component.site.name).items():
        openid.Client(
            f"{component.site.name}-{client_id}",
            import_=True,
            realm_id=realm,
            client_id=client_id,
            **(keycloak_neutral.CLIENT | settings),
            opts=component.in_keycloak(),
        )
    keycloak.DefaultRoles(
        f"{component.site.name}-default-roles",
        realm_id=realm,
        default_roles=[*DEFAULT_ROLES],
        opts=component.in_keycloak(),
    )


def built_in_clients(realm: str) -> dict[str, dict[str, Any]]:
    """Return what Keycloak 26 gives its own clients in a realm, beside what is neutral."""
    common = {"access_type": "PUBLIC", "client_authenticator_type": "client-secret"}
    account = {
        "standard_flow_enabled": True,
        "root_url": "${authBaseUrl}",
        "base_url": f"/realms/{realm}/account/",
        "valid_redirect_uris": [f"/realms/{realm}/account/*"],
        "valid_post_logout_redirect_uris": ["+"],
    }
    return {
        "account": common | account | {"name": "${client_account}"},
        "account-console": common
        | account
        | {"name": "${client_account-console}", "pkce_code_challenge_method": "S256"},
        "admin-cli": common
        | {
            "name": "${client_admin-cli}",
            "direct_access_grants_enabled": True,
            "full_scope_allowed": True,
            "extra_config": _LIGHTWEIGHT,
        },
        "security-admin-console": common
        | {
            "name": "${client_security-admin-console}",
            "standard_flow_enabled": True,
            "full_scope_allowed": True,
            "root_url": "${authAdminUrl}",
            "base_url": f"/admin/{realm}/console/",
            "valid_redirect_uris": [f"/admin/{realm}/console/*"],
            "valid_post_logout_redirect_uris": ["+"],
            "web_origins": ["+"],
            "pkce_code_challenge_method": "S256",
            "extra_config": _LIGHTWEIGHT,
        },
    }
