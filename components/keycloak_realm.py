"""Who may sign in at the site, and as what: the Keycloak realm with its roles, groups and clients."""

from collections.abc import Mapping

import pulumi
import pulumi_keycloak as keycloak
from pulumi_keycloak import openid

from components import names
from components.client_secret import client_secret
from components.component import Place, SiteComponent
from components.dashboard_login import callbacks
from components.dashboard_login import home as dashboard_home
from components.keycloak_client import confidential_client
from components.keycloak_settings import realm_settings
from components.keycloak_tokens import gateway_client, people_scope
from components.manifest import Manifest

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
        realm = keycloak.Realm(
            f"{site.name}-realm", **realm_settings(site), opts=self.in_keycloak(protect=site.protect)
        )
        self.realm = realm.realm
        self.issuer = names.issuer_url(place.settings.keycloak_url, site)
        roles = self._roles()
        self._groups(roles)
        self.dashboard_login = self._dashboard(people_scope(self, self.realm, roles))
        for gateway in site.identity.gateways:
            gateway_client(self, self.realm, gateway)
        self._events()
        self.register_outputs({"realm": self.realm, "issuer": self.issuer})

    def _roles(self) -> dict[str, keycloak.Role]:
        return {
            role.name: keycloak.Role(
                f"{self.site.name}-{role.name}",
                realm_id=self.realm,
                name=role.name,
                description=role.description,
                opts=self.in_keycloak(),
            )
            for role in self.site.identity.roles
        }

    def _groups(self, roles: Mapping[str, keycloak.Role]) -> None:
        for group in self.site.identity.groups:
            made = keycloak.Group(
                f"{self.site.name}-{group.name}",
                realm_id=self.realm,
                name=group.name,
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
            service_accounts_enabled=False,
            pkce_code_challenge_method="S256",
            root_url=home,
            base_url="/",
            admin_url="",
            valid_redirect_uris=[home + path for path in (*callbacks(site), *dashboard.redirect_paths)],
            valid_post_logout_redirect_uris=[f"{home}/"],
            web_origins=[home],
            use_refresh_tokens=True,
        )
        self._groups_claim(client)
        return client_secret(self, names.DASHBOARD_LOGIN, client.client_secret)

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
            opts=self.in_keycloak(),
        )

    def _events(self) -> None:
        keycloak.RealmEvents(
            f"{self.site.name}-events",
            realm_id=self.realm,
            events_enabled=True,
            events_expiration=self.site.identity.events.retention.seconds,
            events_listeners=["jboss-logging"],
            admin_events_enabled=True,
            # Names what was changed, not the values: those could be secrets.
            admin_events_details_enabled=False,
            opts=self.in_keycloak(),
        )
