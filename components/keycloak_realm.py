"""Who may sign in at the site, and as what: the Keycloak realm with its roles, groups and clients."""

from collections.abc import Mapping

import pulumi
import pulumi_keycloak as keycloak
from pulumi_keycloak import openid

from components import keycloak_neutral, names
from components.client_secret import client_secret
from components.component import Place, SiteComponent
from components.dashboard_login import callbacks
from components.dashboard_login import home as dashboard_home
from components.keycloak_builtin import own_built_ins
from components.keycloak_client import confidential_client, public_client
from components.keycloak_flows import bind_flows
from components.keycloak_settings import realm_settings
from components.keycloak_tokens import gateway_client, people_scope
from components.manifest import Manifest
from model.rules.identity import SECOND_FACTOR_ROLE

# Keycloak's own scopes for the dashboard. Not `roles`: it adds further audiences to the token, and EMQX 5.8.9
# refuses a token with more than one.
GROUPS_CLAIM = "groups"
"""Claim of a login with the names of somebody's groups."""
_BUILT_IN_SCOPES = ("acr", "basic", "email", "profile", "web-origins")


class KeycloakRealm(SiteComponent):
    """The site's realm; roles come to people through groups only, and tokens for the broker have one audience."""

    DOMAIN = "identity"
    SOFTWARE = "keycloak"
    PART = "identity"

    realm: pulumi.Output[str]
    issuer: str
    """The issuer that the realm's tokens name."""
    dashboard_login: Manifest
    """The Secret of the dashboard's client."""

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        site = place.site
        settings = realm_settings(site)
        realm = keycloak.Realm(f"{site.name}-realm", **settings, opts=self.in_keycloak(protect=site.protect))
        self.realm = realm.realm
        self.issuer = names.issuer_url(place.settings.keycloak_url, site)
        factor = self._role(SECOND_FACTOR_ROLE, "Signs in with a second factor", [])
        roles = self._roles(factor)
        self._groups(roles)
        bind_flows(self, self.realm, factor, settings)
        own_built_ins(self, self.realm)
        scope = people_scope(self, self.realm, roles)
        self.dashboard_login = self._dashboard(scope)
        self._people(scope)
        for gateway in site.identity.gateways:
            gateway_client(self, self.realm, gateway)
        self._events()
        self.register_outputs({"realm": self.realm, "issuer": self.issuer})

    def _roles(self, factor: keycloak.Role) -> dict[str, keycloak.Role]:
        needing = self.site.identity.second_factor.roles
        return {
            role.name: self._role(role.name, role.description, [factor.id] if role.name in needing else [])
            for role in self.site.identity.roles
        }

    def _role(self, name: str, description: str, contained: list[pulumi.Input[str]]) -> keycloak.Role:
        return keycloak.Role(
            f"{self.site.name}-{name}",
            realm_id=self.realm,
            name=name,
            description=description,
            composite_roles=contained,
            attributes={},
            opts=self.in_keycloak(),
        )

    def _groups(self, roles: Mapping[str, keycloak.Role]) -> None:
        for group in self.site.identity.groups:
            made = keycloak.Group(
                f"{self.site.name}-{group.name}",
                realm_id=self.realm,
                name=group.name,
                description="",
                attributes={},
                opts=self.in_keycloak(),
            )
            keycloak.GroupRoles(
                f"{self.site.name}-{group.name}",
                realm_id=self.realm,
                group_id=made.id,
                role_ids=[roles[role].id for role in group.roles],
                # A role that someone adds by hand is taken away again.
                exhaustive=True,
                opts=self.in_keycloak(),
            )

    def _dashboard(self, scope: openid.ClientScope) -> Manifest:
        site, dashboard, home = self.site, self.site.identity.dashboard, dashboard_home(self.site)
        client = confidential_client(
            self,
            self.realm,
            dashboard.client_id,
            [*_BUILT_IN_SCOPES, scope.name],
            name="EMQX dashboard",
            description=f"The broker's dashboard at {site.title}",
            # A person signs in by the browser, and no other way.
            standard_flow_enabled=True,
            pkce_code_challenge_method="S256",
            root_url=home,
            base_url="/",
            valid_redirect_uris=[home + path for path in (*callbacks(site), *dashboard.redirect_paths)],
            valid_post_logout_redirect_uris=[f"{home}/"],
            web_origins=[home],
        )
        self._groups_claim(client)
        return client_secret(self, names.DASHBOARD_LOGIN, client.client_secret)

    def _people(self, scope: openid.ClientScope) -> None:
        people = self.site.identity.people
        pages = sorted({_origin(address) for address in people.redirects if address.startswith("https:")})
        public_client(
            self,
            self.realm,
            people.client_id,
            # Without `email`: the broker asks for a name and an audience.
            [*(name for name in _BUILT_IN_SCOPES if name != "email"), scope.name],
            name="People's programs",
            description=f"Tokens for the WebSocket listener of {self.site.title}",
            valid_redirect_uris=[*people.redirects],
            # A page of these may ask the token endpoint from within the browser.
            web_origins=pages,
        )

    def _groups_claim(self, client: openid.Client) -> None:
        """Tell the dashboard's login which groups somebody is in; the token that the broker takes stays as it is."""
        openid.GroupMembershipProtocolMapper(
            f"{self.site.name}-{GROUPS_CLAIM}",
            realm_id=self.realm,
            client_id=client.id,
            name=GROUPS_CLAIM,
            claim_name=GROUPS_CLAIM,
            full_path=False,
            add_to_id_token=True,
            add_to_access_token=False,
            add_to_userinfo=True,
            add_to_token_introspection=False,
            opts=self.in_keycloak(),
        )

    def _events(self) -> None:
        keycloak.RealmEvents(
            f"{self.site.name}-events",
            realm_id=self.realm,
            events_enabled=True,
            enabled_event_types=keycloak_neutral.EVENT_TYPES,
            events_expiration=self.site.identity.events.retention.seconds,
            events_listeners=["jboss-logging"],
            admin_events_enabled=True,
            # Names what was changed, not the values: those could be secrets.
            admin_events_details_enabled=False,
            opts=self.in_keycloak(),
        )


def _origin(address: str) -> str:
    """Return the origin of an address: scheme, host and port."""
    return "/".join(address.split("/")[:3])
