"""The site's clients in Keycloak: each signs in in one way, and has the scopes that are listed."""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_keycloak import openid

from components import keycloak_neutral
from components.component import SiteComponent


def confidential_client(
    component: SiteComponent,
    realm: pulumi.Input[str],
    client_id: str,
    scopes: Sequence[pulumi.Input[str]],
    **settings: Any,
) -> openid.Client:
    """Make a client with a secret, whose tokens have these scopes and no others; `settings` says how it signs in."""
    return _client(component, realm, client_id, scopes, {"access_type": "CONFIDENTIAL"} | settings)


def public_client(
    component: SiteComponent,
    realm: pulumi.Input[str],
    client_id: str,
    scopes: Sequence[pulumi.Input[str]],
    **settings: Any,
) -> openid.Client:
    """Make a client without a secret, for people's programs: by the browser, with PKCE, and no refresh token."""
    given = {
        "access_type": "PUBLIC",
        "standard_flow_enabled": True,
        "pkce_code_challenge_method": "S256",
        # A thief could use it. While the browser's session lasts, a new login asks for nothing.
        "use_refresh_tokens": False,
    }
    return _client(component, realm, client_id, scopes, given | settings)


def _client(
    component: SiteComponent,
    realm: pulumi.Input[str],
    client_id: str,
    scopes: Sequence[pulumi.Input[str]],
    settings: dict[str, Any],
) -> openid.Client:
    name = f"{component.site.name}-{client_id}"
    client = openid.Client(
        name,
        realm_id=realm,
        client_id=client_id,
        client_authenticator_type="client-secret",
        **(keycloak_neutral.CLIENT | settings),
        opts=component.in_keycloak(),
    )
    default = openid.ClientDefaultScopes(
        name,
        realm_id=realm,
        client_id=client.id,
        default_scopes=[*scopes],
        opts=component.in_keycloak(),
    )
    openid.ClientOptionalScopes(
        name,
        realm_id=realm,
        client_id=client.id,
        # None that a login may ask for: `offline_access` and Keycloak's others are optional to every new client.
        optional_scopes=[],
        opts=component.in_keycloak(depends_on=[default]),
    )
    return client
