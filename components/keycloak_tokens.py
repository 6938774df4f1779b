"""The tokens that the broker takes: people's, by a client scope for who may read, and edge gateways', by own clients.

Each has one audience (EMQX 5.8.9 refuses a token with more) and an `acl` claim, a list that only denies: EMQX holds it
before the policy server is asked, so it can take rights away and give none (docs/adr/0023). Its `client_attrs` say of
which realm it is and whom it is for: EMQX hands them on once it has verified the token (docs/adr/0032).
"""

import json
from collections.abc import Mapping
from typing import TypeAlias

import pulumi
import pulumi_keycloak as keycloak
from pulumi_keycloak import openid

from components import names
from components.client_secret import client_secret
from components.component import SiteComponent
from components.keycloak_client import confidential_client
from model import Site
from model.identity import EdgeGateway

ACL_CLAIM = "acl"
"""Claim that takes rights away, whatever the policy server says."""
# In EMQX's list form a rule that does not match asks on; in its older form of three lists it would deny.
PEOPLE_ACL = ({"permission": "deny", "action": "publish", "topic": "#"},)
GATEWAY_ACL = ({"permission": "deny", "action": "all", "topic": "ot/#"},)
# Keycloak's own scope that brings the times and the subject, and no audience.
_BASIC_SCOPE = "basic"
_Holder: TypeAlias = openid.Client | openid.ClientScope
"""Whose tokens a mapper is for."""


def people_scope(
    component: SiteComponent, realm: pulumi.Input[str], roles: Mapping[str, keycloak.Role]
) -> openid.ClientScope:
    """Make the scope of a token that the broker takes from people; Keycloak gives it to the readers' roles alone."""
    site = component.site
    scope = openid.ClientScope(
        f"{site.name}-{names.AUDIENCE_SCOPE}",
        realm_id=realm,
        name=names.AUDIENCE_SCOPE,
        description="Makes a token that the broker takes",
        consent_screen_text="",
        gui_order=0,
        include_in_token_scope=True,
        include_in_openid_provider_metadata=True,
        extra_config={},
        opts=component.in_keycloak(),
    )
    for role in site.identity.readers:
        keycloak.GenericRoleMapper(
            f"{site.name}-{names.AUDIENCE_SCOPE}-{role}",
            realm_id=realm,
            client_scope_id=scope.id,
            role_id=roles[role].id,
            opts=component.in_keycloak(),
        )
    _audience(component, names.AUDIENCE, realm, scope)
    _claim(component, ACL_CLAIM, realm, scope, (ACL_CLAIM, json.dumps(PEOPLE_ACL), "JSON"))
    _claim(component, names.CLIENT_ATTRIBUTES, realm, scope, _attributes(site, names.PERSON))
    return scope


def gateway_client(component: SiteComponent, realm: pulumi.Input[str], gateway: EdgeGateway) -> None:
    """Make the client of an edge gateway, which signs in by its own secret, and the Secret that holds that."""
    site, login = component.site, names.gateway_login(gateway.name)
    client = confidential_client(
        component,
        realm,
        login,
        [_BASIC_SCOPE],
        name=gateway.title,
        description=f"An edge gateway of {site.title}, which brings a token to the broker",
        # A machine signs in for itself, and no other way.
        service_accounts_enabled=True,
        use_refresh_tokens=False,
        # To a new client with an empty root and no redirect Keycloak gives the redirect `/*`.
        root_url=None,
    )
    _audience(component, f"{login}-audience", realm, client)
    claims = {
        # Its own name, not Keycloak's for the account: the same that a certificate of its would have.
        "preferred_username": (names.client_name(site, "gateway", gateway.name), "String"),
        ACL_CLAIM: (json.dumps(GATEWAY_ACL), "JSON"),
    }
    said = [(claim, value, kind) for claim, (value, kind) in claims.items()]
    for claim in (*said, _attributes(site, names.GATEWAY)):
        _claim(component, f"{login}-{claim[0]}", realm, client, claim)
    client_secret(component, login, client.client_secret)


def _attributes(site: Site, holder: str) -> tuple[str, str, str]:
    """Return the claim of what EMQX hands to the policy server: texts only, for EMQX drops all else."""
    value = {names.REALM_ATTRIBUTE: site.name, names.HOLDER_ATTRIBUTE: holder}
    return names.CLIENT_ATTRIBUTES, json.dumps(value), "JSON"


def _audience(component: SiteComponent, name: str, realm: pulumi.Input[str], holder: _Holder) -> None:
    """Let the access tokens of a client or client scope be for the broker."""
    openid.AudienceProtocolMapper(
        f"{component.site.name}-{name}",
        realm_id=realm,
        client_id=_id(holder, openid.Client),
        client_scope_id=_id(holder, openid.ClientScope),
        name="audience",
        included_custom_audience=names.AUDIENCE,
        add_to_access_token=True,
        add_to_id_token=False,
        add_to_token_introspection=True,
        opts=component.in_keycloak(),
    )


def _claim(
    component: SiteComponent, name: str, realm: pulumi.Input[str], holder: _Holder, said: tuple[str, str, str]
) -> None:
    """Let the access tokens of a client or client scope say a claim: its name, value, and Keycloak's type of that."""
    claim, value, kind = said
    openid.HardcodedClaimProtocolMapper(
        f"{component.site.name}-{name}",
        realm_id=realm,
        client_id=_id(holder, openid.Client),
        client_scope_id=_id(holder, openid.ClientScope),
        name=claim,
        claim_name=claim,
        claim_value=value,
        claim_value_type=kind,
        add_to_access_token=True,
        add_to_id_token=False,
        add_to_userinfo=False,
        opts=component.in_keycloak(),
    )


def _id(holder: _Holder, kind: type[_Holder]) -> pulumi.Output[str] | None:
    return holder.id if isinstance(holder, kind) else None
