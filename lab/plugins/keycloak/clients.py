"""OpenID clients: the plugin's properties, and Keycloak's client representation."""

from typing import Any

from lab.plugins.bridged_schema import is_zero
from lab.plugins.keycloak.fields import (
    Properties,
    as_attribute,
    as_flag,
    block,
    flag,
    members,
    parts_of,
    text,
    texts,
)
from lab.plugins.keycloak.roles import at, found_or_none
from lab.plugins.keycloak.server import InvalidPlanError, NotCoveredError, Server

_SWITCHES = {
    "enabled": "enabled",
    "standardFlowEnabled": "standardFlowEnabled",
    "implicitFlowEnabled": "implicitFlowEnabled",
    "directAccessGrantsEnabled": "directAccessGrantsEnabled",
    "serviceAccountsEnabled": "serviceAccountsEnabled",
    "frontchannelLogoutEnabled": "frontchannelLogout",
    "fullScopeAllowed": "fullScopeAllowed",
    "consentRequired": "consentRequired",
    "alwaysDisplayInConsole": "alwaysDisplayInConsole",
}

_TEXTS = ("clientId", "name", "description", "clientAuthenticatorType", "adminUrl", "baseUrl")

_TEXT_ATTRIBUTES = {
    "pkceCodeChallengeMethod": "pkce.code.challenge.method",
    "accessTokenLifespan": "access.token.lifespan",
    "loginTheme": "login_theme",
    "clientOfflineSessionIdleTimeout": "client.offline.session.idle.timeout",
    "clientOfflineSessionMaxLifespan": "client.offline.session.max.lifespan",
    "clientSessionIdleTimeout": "client.session.idle.timeout",
    "clientSessionMaxLifespan": "client.session.max.lifespan",
    "consentScreenText": "consent.screen.text",
    "backchannelLogoutUrl": "backchannel.logout.url",
    "frontchannelLogoutUrl": "frontchannel.logout.url",
    "oauth2DeviceCodeLifespan": "oauth2.device.code.lifespan",
    "oauth2DevicePollingInterval": "oauth2.device.polling.interval",
    "allowRefreshTokenInStandardTokenExchange": "standard.token.exchange.enableRefreshRequestedTokenType",
    "oauth2JwtAuthorizationGrantIdp": "oauth2.jwt.authorization.grant.idp",
}

_SWITCH_ATTRIBUTES = {
    "displayOnConsentScreen": "display.on.consent.screen",
    "useRefreshTokens": "use.refresh.tokens",
    "useRefreshTokensClientCredentials": "client_credentials.use_refresh_token",
    "backchannelLogoutRevokeOfflineSessions": "backchannel.logout.revoke.offline.tokens",
    "backchannelLogoutSessionRequired": "backchannel.logout.session.required",
    "oauth2DeviceAuthorizationGrantEnabled": "oauth2.device.authorization.grant.enabled",
    "standardTokenExchangeEnabled": "standard.token.exchange.enabled",
    "requireDpopBoundTokens": "dpop.bound.access.tokens",
    "oauth2JwtAuthorizationGrantEnabled": "oauth2.jwt.authorization.grant.enabled",
}

_WRITTEN_ONLY = {
    "excludeSessionStateFromAuthResponse": "exclude.session.state.from.auth.response",
    "excludeIssuerFromAuthResponse": "exclude.issuer.from.auth.response",
}
"""Attributes that the official plugin writes and never reads back."""

_LOGOUT_ADDRESSES = "post.logout.redirect.uris"
_NOT_COVERED = ("authorization", "clientSecretWo", "clientSecretWoVersion")


class Clients:
    """Makes, reads, changes and deletes OpenID clients; the id is Keycloak's own, the secret is a secret."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Make the client, or adopt the one of that client id where `import` says so."""
        self._validate(planned)
        clients = at("realms", text(planned, "realmId"), "clients")
        body = representation(planned, {})
        if flag(planned, "import"):
            existing = self._server.get(clients, clientId=text(planned, "clientId"))
            if not existing:
                raise InvalidPlanError(f"openid client with name {text(planned, 'clientId')} does not exist")
            identity = str(existing[0]["id"])
            self._server.put(clients + at(identity), adopted(existing[0], body))
        else:
            identity = self._server.post(clients, body)
        return identity, self.read(identity, planned) or {}

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The client as it is with its secret, None when it is gone."""
        path = at("realms", text(state, "realmId"), "clients", identity)
        client = found_or_none(self._server, path)
        if client is None:
            return None
        secret = self._server.get(path + "/client-secret")
        account = ""
        if client.get("serviceAccountsEnabled"):
            account = str(self._server.get(path + "/service-account-user")["id"])
        return _properties(client, state) | {
            "clientSecret": secret.get("value") or "",
            "serviceAccountUserId": account,
        }

    def update(self, identity: str, prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the client what is planned; `clientSecretRegenerateWhenChanged` can renew the secret."""
        self._validate(planned)
        path = at("realms", text(planned, "realmId"), "clients", identity)
        body = representation(planned, prior)
        before = prior.get("clientSecretRegenerateWhenChanged") or {}
        if before != (planned.get("clientSecretRegenerateWhenChanged") or {}):
            self._server.post(
                path + "/client-secret", {"realm": text(planned, "realmId"), "client": identity}
            )
            body.pop("secret", None)
        self._server.put(path, body | {"id": identity})
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the client as `realm/client's id`."""
        realm, found = parts_of(identity, "{{realmId}}/{{openidClientId}}", 2)
        return found, {"realmId": realm, "import": False}

    def delete(self, identity: str, state: Properties) -> None:
        """Delete the client; an adopted one stays."""
        if not flag(state, "import"):
            self._server.delete(at("realms", text(state, "realmId"), "clients", identity))

    def _validate(self, planned: Properties) -> None:
        for name in _NOT_COVERED:
            if planned.get(name) is not None:
                raise NotCoveredError(name)
        standard, implicit = flag(planned, "standardFlowEnabled"), flag(planned, "implicitFlowEnabled")
        direct, service = flag(planned, "directAccessGrantsEnabled"), flag(planned, "serviceAccountsEnabled")
        access, redirects = text(planned, "accessType"), texts(planned, "validRedirectUris")
        if redirects and not (standard or implicit):
            raise InvalidPlanError(
                "valid_redirect_uris cannot be set when standard or implicit flow is not enabled"
            )
        if texts(planned, "webOrigins") and not (standard or implicit or direct):
            raise InvalidPlanError("web_origins cannot be set when standard or implicit flow is not enabled")
        if access == "BEARER-ONLY" and (standard or implicit or direct or service):
            raise InvalidPlanError(
                "validation error: Keycloak cannot issue tokens for bearer-only clients; "
                "no oauth2 flows can be enabled for this client"
            )
        if (standard or implicit) and not redirects:
            raise InvalidPlanError(
                "validation error: standard (authorization code) and implicit flows "
                "require at least one valid redirect uri"
            )
        if service and access == "PUBLIC":
            raise InvalidPlanError(
                "validation error: service accounts (client credentials flow) "
                "cannot be enabled on public clients"
            )
        theme = text(planned, "loginTheme")
        if theme and theme not in self._server.installed_themes("login"):
            raise InvalidPlanError(f'validation error: theme "{theme}" does not exist on the server')


def adopted(existing: Properties, body: Properties) -> dict[str, Any]:
    """The planned representation as the official plugin lays it over a client that is there already.

    It fills what is empty in the plan — `false` and empty texts and lists among it — from the existing client, so that
    no switch can be turned off on the way.
    """
    attributes = {key: value for key, value in body["attributes"].items() if value not in ("", "false")}
    flows = {key: value for key, value in body["authenticationFlowBindingOverrides"].items() if value}
    kept = {key: value for key, value in body.items() if not is_zero(value) or key == "rootUrl"}
    return {
        **existing,
        **kept,
        "attributes": (existing.get("attributes") or {}) | attributes,
        "authenticationFlowBindingOverrides": (existing.get("authenticationFlowBindingOverrides") or {})
        | flows,
    }


def representation(planned: Properties, prior: Properties) -> dict[str, Any]:
    """Keycloak's client representation of the planned properties; what left `extraConfig` is emptied."""
    body: dict[str, Any] = {field: flag(planned, name) for name, field in _SWITCHES.items()}
    body |= {name: text(planned, name) for name in _TEXTS}
    body |= {
        "protocol": "openid-connect",
        "publicClient": text(planned, "accessType") == "PUBLIC",
        "bearerOnly": text(planned, "accessType") == "BEARER-ONLY",
        "authorizationServicesEnabled": False,
        "redirectUris": texts(planned, "validRedirectUris"),
        "webOrigins": texts(planned, "webOrigins"),
        "attributes": _attributes(planned, prior),
    }
    flows = block(planned, "authenticationFlowBindingOverrides") or {}
    body["authenticationFlowBindingOverrides"] = {
        "browser": text(flows, "browserId"),
        "direct_grant": text(flows, "directGrantId"),
    }
    if text(planned, "clientSecret"):
        body["secret"] = text(planned, "clientSecret")
    if planned.get("rootUrl") is not None:
        body["rootUrl"] = text(planned, "rootUrl")
    return body


def _attributes(planned: Properties, prior: Properties) -> dict[str, str]:
    dropped = dict.fromkeys(prior.get("extraConfig") or {}, "")
    attributes = {field: text(planned, name) for name, field in _TEXT_ATTRIBUTES.items()}
    switches = _SWITCH_ATTRIBUTES | _WRITTEN_ONLY
    attributes |= {field: as_attribute(flag(planned, name)) for name, field in switches.items()}
    attributes[_LOGOUT_ADDRESSES] = "##".join(texts(planned, "validPostLogoutRedirectUris"))
    return (
        attributes | dropped | {key: str(value) for key, value in (planned.get("extraConfig") or {}).items()}
    )


def _properties(client: Properties, state: Properties) -> dict[str, Any]:
    attributes = client.get("attributes") or {}
    access = (
        "PUBLIC"
        if client.get("publicClient")
        else "BEARER-ONLY"
        if client.get("bearerOnly")
        else "CONFIDENTIAL"
    )
    kept: dict[str, Any] = {name: bool(client.get(field)) for name, field in _SWITCHES.items()}
    kept |= {name: client.get(name) or "" for name in (*_TEXTS, "rootUrl")}
    kept |= {name: attributes.get(field) or "" for name, field in _TEXT_ATTRIBUTES.items()}
    kept |= {name: as_flag(attributes.get(field)) for name, field in _SWITCH_ATTRIBUTES.items()}
    kept |= {name: state.get(name) for name in _WRITTEN_ONLY}
    managed = state.get("extraConfig") or {}
    return kept | {
        "realmId": text(state, "realmId"),
        "accessType": access,
        "validRedirectUris": members(client.get("redirectUris")),
        "webOrigins": members(client.get("webOrigins")),
        "validPostLogoutRedirectUris": members(
            address for address in str(attributes.get(_LOGOUT_ADDRESSES) or "").split("##") if address
        ),
        "extraConfig": {key: str(attributes[key]) for key in managed if key in attributes},
        "authenticationFlowBindingOverrides": _overrides(client),
        "authorization": None,
        "resourceServerId": None,
        "clientSecretWo": None,
        "clientSecretWoVersion": None,
        "clientSecretRegenerateWhenChanged": state.get("clientSecretRegenerateWhenChanged"),
        "import": flag(state, "import"),
    }


def _overrides(client: Properties) -> dict[str, str] | None:
    flows = client.get("authenticationFlowBindingOverrides") or {}
    browser, direct = flows.get("browser") or "", flows.get("direct_grant") or ""
    return {"browserId": browser, "directGrantId": direct} if browser or direct else None
