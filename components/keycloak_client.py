"""The site's clients in Keycloak: each signs in by a secret, in the one way that it is told."""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_keycloak import openid

from components.component import SiteComponent


def confidential_client(
    component: SiteComponent,
    realm: pulumi.Input[str],
    client_id: str,
    scopes: Sequence[pulumi.Input[str]],
    **settings: Any,
) -> openid.Client:
    """Make a client with a secret, whose tokens have these scopes and no others; `settings` says how it signs in."""
    client = openid.Client(
        f"{component.site.name}-{client_id}",
        realm_id=realm,
        client_id=client_id,
        enabled=True,
        access_type="CONFIDENTIAL",
        client_authenticator_type="client-secret",
        implicit_flow_enabled=False,
        direct_access_grants_enabled=False,
        oauth2_device_authorization_grant_enabled=False,
        consent_required=False,
        full_scope_allowed=False,
        opts=component.in_keycloak(),
        **settings,
    )
    openid.ClientDefaultScopes(
        f"{component.site.name}-{client_id}",
        realm_id=realm,
        client_id=client.id,
        default_scopes=[*scopes],
        opts=component.in_keycloak(),
    )
    return client
