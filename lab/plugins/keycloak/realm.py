"""A realm: the plugin's properties, and Keycloak's realm representation."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lab.plugins.errors import PluginError
from lab.plugins.keycloak import realm_fields as table
from lab.plugins.keycloak.durations import duration_of, seconds_of
from lab.plugins.keycloak.fields import (
    Properties,
    as_attribute,
    as_flag,
    block,
    flag,
    members,
    text,
    texts,
    whole,
)
from lab.plugins.keycloak.server import InvalidPlanError, RequestRefusedError, Server

_MASKED = "**********"
"""What Keycloak answers in the place of the mail server's password."""


class RealmProtectedError(PluginError):
    """The realm's `terraformDeletionProtection` forbids to delete it. Attribute: realm."""

    def __init__(self, realm: str) -> None:
        super().__init__(
            f'realm "{realm}" is protected from deletion: set terraformDeletionProtection to false first'
        )
        self.realm = realm


class Realms:
    """Makes, reads, changes and deletes realms; the id is the realm's name."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Make the realm. The token is renewed afterwards: the old one lacks the new realm's roles."""
        self._validate(planned)
        self._server.post("/realms", representation(planned))
        self._server.renew()
        return self._settled(text(planned, "realm"), planned)

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The realm as it is, None when it is gone."""
        try:
            found = self._server.get(f"/realms/{quote(identity, safe='')}")
        except RequestRefusedError as refusal:
            if refusal.absent:
                return None
            raise
        return properties(found, state)

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the realm what is planned."""
        self._validate(planned)
        self._server.put(f"/realms/{quote(identity, safe='')}", representation(planned))
        return self._settled(identity, planned)[1]

    def delete(self, identity: str, state: Properties) -> None:
        """Delete the realm with all that is in it, unless its own protection forbids it."""
        if flag(state, "terraformDeletionProtection"):
            raise RealmProtectedError(identity)
        self._server.delete(f"/realms/{quote(identity, safe='')}")

    def _settled(self, identity: str, planned: Properties) -> tuple[str, dict[str, Any]]:
        found = self.read(identity, planned)
        if found is None:
            raise InvalidPlanError(f'realm "{identity}" was written, and is not there')
        return identity, found

    def _validate(self, planned: Properties) -> None:
        if flag(planned, "duplicateEmailsAllowed") and flag(planned, "registrationEmailAsUsername"):
            raise InvalidPlanError(
                "validation error: DuplicateEmailsAllowed cannot be true "
                "if RegistrationEmailAsUsername is true"
            )
        if flag(planned, "duplicateEmailsAllowed") and flag(planned, "loginWithEmailAllowed"):
            raise InvalidPlanError(
                "validation error: DuplicateEmailsAllowed cannot be true if LoginWithEmailAllowed is true"
            )
        if text(planned, "sslRequired") not in ("none", "external", "all"):
            raise InvalidPlanError("validation error: SslRequired should be 'none', 'external' or 'all'")
        locales = block(planned, "internationalization")
        if locales and text(locales, "defaultLocale") not in texts(locales, "supportedLocales"):
            raise InvalidPlanError("validation error: DefaultLocale should be in the SupportLocales")
        for name, kind in table.THEMES.items():
            theme = text(planned, name)
            if theme and theme not in self._server.installed_themes(kind):
                raise InvalidPlanError(f'validation error: theme "{theme}" does not exist on the server')


def representation(planned: Properties) -> dict[str, Any]:
    """Keycloak's realm representation of the planned properties; raises DurationError."""
    realm = text(planned, "realm")
    locales = block(planned, "internationalization")
    body: dict[str, Any] = {
        "id": text(planned, "internalId") or realm,
        "realm": realm,
        "sslRequired": text(planned, "sslRequired"),
        "refreshTokenMaxReuse": whole(planned, "refreshTokenMaxReuse"),
        "internationalizationEnabled": locales is not None,
        "supportedLocales": texts(locales or {}, "supportedLocales"),
        "defaultLocale": text(locales or {}, "defaultLocale"),
        "attributes": dict(planned.get("attributes") or {}),
        "smtpServer": _mail(block(planned, "smtpServer")),
    }
    body |= {field: flag(planned, name) for name, field in table.SWITCHES.items()}
    body |= {name: text(planned, name) for name in table.TEXTS}
    body |= {name: text(planned, name) for name in table.THEMES if text(planned, name)}
    body |= {name: seconds_of(text(planned, name)) for name in table.DURATIONS if text(planned, name)}
    body |= {name: text(planned, name) or builtin for name, builtin in table.FLOWS.items()}
    if whole(planned, "oauth2DevicePollingInterval"):
        body["oauth2DevicePollingInterval"] = whole(planned, "oauth2DevicePollingInterval")
    for name in ("defaultDefaultClientScopes", "defaultOptionalClientScopes"):
        if texts(planned, name):
            body[name] = texts(planned, name)
    return body | _defenses(block(planned, "securityDefenses")) | _policies(planned)


def properties(found: Mapping[str, Any], state: Properties) -> dict[str, Any]:
    """The plugin's properties of Keycloak's realm; only attributes that the state manages are kept."""
    kept: dict[str, Any] = {name: bool(found.get(field)) for name, field in table.SWITCHES.items()}
    kept |= {name: found.get(name) or "" for name in (*table.TEXTS, *table.THEMES, "sslRequired", "realm")}
    kept |= {name: duration_of(int(found.get(name) or 0)) for name in table.DURATIONS}
    kept |= {name: found.get(name) for name in table.FLOWS}
    attributes = found.get("attributes") or {}
    kept |= {
        "internalId": found.get("id"),
        "refreshTokenMaxReuse": int(found.get("refreshTokenMaxReuse") or 0),
        "oauth2DevicePollingInterval": int(found.get("oauth2DevicePollingInterval") or 0),
        "attributes": {key: str(attributes.get(key, "")) for key in state.get("attributes") or {}},
        "defaultDefaultClientScopes": members(found.get("defaultDefaultClientScopes")),
        "defaultOptionalClientScopes": members(found.get("defaultOptionalClientScopes")),
        "internationalization": _locales_of(found),
        "smtpServer": _mail_of(found.get("smtpServer") or {}, block(state, "smtpServer")),
        "securityDefenses": _defenses_of(found, block(state, "securityDefenses")),
        "otpPolicy": {name: found.get(field) for name, field in table.ONE_TIME_PASSWORD.items()},
        "webAuthnPolicy": _web_authentication_of(found, "webAuthnPolicy"),
        "webAuthnPasswordlessPolicy": _web_authentication_of(found, "webAuthnPolicyPasswordless")
        | {"passwordlessPasskeysEnabled": bool(found.get("webAuthnPolicyPasswordlessPasskeysEnabled"))},
        "terraformDeletionProtection": flag(state, "terraformDeletionProtection"),
    }
    return kept


def _policies(planned: Properties) -> dict[str, Any]:
    body: dict[str, Any] = {}
    password = block(planned, "otpPolicy") or {}
    body |= {
        field: _given(password[name]) for name, field in table.ONE_TIME_PASSWORD.items() if name in password
    }
    for name, prefix in (
        ("webAuthnPolicy", "webAuthnPolicy"),
        ("webAuthnPasswordlessPolicy", "webAuthnPolicyPasswordless"),
    ):
        policy = block(planned, name) or {}
        fields = table.WEB_AUTHENTICATION | {"passwordlessPasskeysEnabled": "PasskeysEnabled"}
        body |= {prefix + fields[key]: _given(value) for key, value in policy.items() if key in fields}
    return body


def _given(value: Any) -> Any:
    return int(value) if isinstance(value, float) else value


def _web_authentication_of(found: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    policy = {name: found.get(prefix + field) for name, field in table.WEB_AUTHENTICATION.items()}
    for name in ("acceptableAaguids", "extraOrigins", "signatureAlgorithms"):
        policy[name] = members(policy[name])
    return policy


def _defenses(defenses: Properties | None) -> dict[str, Any]:
    headers = block(defenses or {}, "headers")
    brute_force = block(defenses or {}, "bruteForceDetection")
    body: dict[str, Any] = dict(table.BRUTE_FORCE_OFF)
    if brute_force is not None:
        given = {
            field: _given(brute_force[name])
            for name, field in table.BRUTE_FORCE.items()
            if name in brute_force
        }
        body |= {field: value for field, value in given.items() if value is not None}
        body["bruteForceProtected"] = True
    if headers is not None:
        body["browserSecurityHeaders"] = {field: text(headers, name) for name, field in table.HEADERS.items()}
    return body


def _defenses_of(found: Mapping[str, Any], before: Properties | None) -> dict[str, Any] | None:
    """Headers are kept where the state has them or has no defenses at all; else they are Keycloak's own."""
    headers = None
    if before is None or block(before, "headers") is not None:
        sent = found.get("browserSecurityHeaders") or {}
        headers = {name: sent.get(field, "") for name, field in table.HEADERS.items()}
    brute_force = None
    if found.get("bruteForceProtected"):
        brute_force = {name: found.get(field) for name, field in table.BRUTE_FORCE.items()}
    if headers is None and brute_force is None:
        return None
    return {"headers": headers, "bruteForceDetection": brute_force}


def _locales_of(found: Mapping[str, Any]) -> dict[str, Any] | None:
    if not found.get("internationalizationEnabled"):
        return None
    return {
        "supportedLocales": members(found.get("supportedLocales")),
        "defaultLocale": found.get("defaultLocale") or "",
    }


def _mail(mail: Properties | None) -> dict[str, str]:
    if mail is None:
        return {}
    body = {field: text(mail, name) for name, field in table.MAIL.items() if text(mail, name)}
    body |= {field: as_attribute(flag(mail, name)) for name, field in table.MAIL_SWITCHES.items()}
    person, client = block(mail, "auth"), block(mail, "tokenAuth")
    if person is not None:
        login = {"user": text(person, "username"), "password": text(person, "password")}
        return body | {"auth": "true", "authType": "basic"} | login
    if client is None:
        return body | {"auth": "false"}
    return body | {
        "auth": "true",
        "authType": "token",
        "user": text(client, "username"),
        "authTokenUrl": text(client, "url"),
        "authTokenClientId": text(client, "clientId"),
        "authTokenClientSecret": text(client, "clientSecret"),
        "authTokenScope": text(client, "scope"),
    }


def _mail_of(found: Mapping[str, Any], before: Properties | None) -> dict[str, Any] | None:
    if not found:
        return None
    kept: dict[str, Any] = {name: found.get(field) or "" for name, field in table.MAIL.items()}
    kept |= {name: as_flag(found.get(field)) for name, field in table.MAIL_SWITCHES.items()}
    kept |= {"auth": None, "tokenAuth": None}
    if not as_flag(found.get("auth")):
        return kept
    if found.get("authType") == "token":
        known = text(block(before or {}, "tokenAuth") or {}, "clientSecret")
        kept["tokenAuth"] = {
            "username": found.get("user") or "",
            "url": found.get("authTokenUrl") or "",
            "clientId": found.get("authTokenClientId") or "",
            "clientSecret": known or _MASKED,
            "scope": found.get("authTokenScope") or "",
        }
    else:
        known = text(block(before or {}, "auth") or {}, "password")
        kept["auth"] = {"username": found.get("user") or "", "password": known or _MASKED}
    return kept
