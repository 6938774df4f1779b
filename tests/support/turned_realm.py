"""Turns by hand what a site has in Keycloak: each setting that a hand can change, all of them at once.

`read_realm` returns all that is looked at, to be compared before and after; `turn_realm` changes it. What the official
plugin cannot see (docs/adr/0040) is not turned.
"""

from collections.abc import Mapping
from typing import Any

from components.keycloak_builtin import built_in_clients
from lab.plugins.keycloak import realm_fields
from tests.support.turned_vault import Server, must

_OTP_AND_KEYS = {
    "otpPolicyType": "hotp",
    "otpPolicyAlgorithm": "HmacSHA256",
    "otpPolicyDigits": 8,
    "otpPolicyInitialCounter": 5,
    "otpPolicyLookAheadWindow": 9,
    "otpPolicyPeriod": 90,
    "otpPolicyCodeReusable": True,
    **{
        f"webAuthnPolicy{kind}{name}": value
        for kind in ("", "Passwordless")
        for name, value in {
            "AcceptableAaguids": ["7a98c250-6808-11cf-b73b-00aa00b677a7"],
            "AttestationConveyancePreference": "direct",
            "AuthenticatorAttachment": "platform",
            "AvoidSameAuthenticatorRegister": True,
            "CreateTimeout": 7,
            "ExtraOrigins": ["https://turned.example"],
            "RequireResidentKey": "No",
            "ResidentKey": "discouraged",
            "RpEntityName": "turned",
            "RpId": "turned.example",
            "SignatureAlgorithms": ["ES512"],
            "UserVerificationRequirement": "discouraged",
        }.items()
    },
}
# These make or remove things of the realm beside what they say.
_WITH_CONSEQUENCES = ("enabled", "organizationsEnabled", "adminPermissionsEnabled")


def read_realm(keycloak: Server, realm: str) -> dict[str, Any]:
    """Return all that the site has in Keycloak, by path; lists of names are in order."""
    top = f"/{realm}"
    found: dict[str, Any] = {top: keycloak.get(top), f"{top}/events/config": None}
    found[f"{top}/events/config"] = keycloak.get(f"{top}/events/config")
    for client in keycloak.get(f"{top}/clients?max=100"):
        if client["bearerOnly"]:
            continue
        path = f"{top}/clients/{client['id']}"
        found[path] = client
        if client["clientId"] not in built_in_clients(realm):
            for kind in ("default", "optional"):
                scopes = keycloak.get(f"{path}/{kind}-client-scopes")
                found[f"{path}/{kind}-client-scopes"] = sorted(scope["name"] for scope in scopes)
    for scope in keycloak.get(f"{top}/client-scopes"):
        if scope["name"] == "mqtt":
            found[f"{top}/client-scopes/{scope['id']}"] = scope
            roles = keycloak.get(f"{top}/client-scopes/{scope['id']}/scope-mappings/realm")
            found[f"{top}/client-scopes/{scope['id']}/scope-mappings/realm"] = sorted(
                role["name"] for role in roles
            )
    for role in keycloak.get(f"{top}/roles?briefRepresentation=false"):
        path = f"{top}/roles-by-id/{role['id']}"
        found[path] = role
        inside = keycloak.get(f"{path}/composites")
        found[f"{path}/composites"] = sorted(one["name"] for one in inside)
    for group in keycloak.get(f"{top}/groups?briefRepresentation=false"):
        path = f"{top}/groups/{group['id']}"
        found[path] = keycloak.get(path)
        given = keycloak.get(f"{path}/role-mappings/realm")
        found[f"{path}/role-mappings/realm"] = sorted(role["name"] for role in given)
    return found | _read_flows(keycloak, top)


def _read_flows(keycloak: Server, top: str) -> dict[str, Any]:
    found = {}
    for flow in keycloak.get(f"{top}/authentication/flows"):
        if flow["builtIn"]:
            continue
        found[f"{top}/authentication/flows/{flow['id']}"] = flow
        for step in keycloak.get(f"{top}/authentication/flows/{flow['alias']}/executions"):
            path = f"{top}/authentication/executions/{step['id']}"
            found[path] = keycloak.get(path)
            if settings := step.get("authenticationConfig"):
                config = f"{top}/authentication/config/{settings}"
                found[config] = keycloak.get(config)
    return found


def touch_realm(keycloak: Server, found: Mapping[str, Any], realm: str) -> None:
    """Change one word of the realm and of each client, so that the next `up` writes all that it says of them."""
    top = f"/{realm}"
    for path, now in found.items():
        part = path.removeprefix(top).split("/")[1:]
        if not part:
            _put(keycloak, top, {"displayName": "touched"})
        elif part[0] == "clients" and len(part) == 2:
            _put(keycloak, path, now | {"description": "touched"})


def turn_realm(keycloak: Server, found: Mapping[str, Any], realm: str) -> None:
    """Turn all of it; `found` is what was read."""
    top = f"/{realm}"
    for path, now in found.items():
        part = path.removeprefix(top).split("/")[1:]
        kind = part[0] if part else ""
        if kind == "":
            _put(keycloak, top, _turned_realm(now))
        elif kind == "events":
            turned = {
                "eventsEnabled": False,
                "eventsExpiration": 7,
                "eventsListeners": [],
                "enabledEventTypes": ["LOGIN"],
                "adminEventsEnabled": False,
                "adminEventsDetailsEnabled": True,
            }
            _put(keycloak, path, turned)
        elif kind == "clients" and len(part) == 2:
            _put(keycloak, path, _turned_client(now))
            _turn_mappers(keycloak, path, now)
        elif kind == "client-scopes" and len(part) == 2:
            _put(keycloak, path, _turned_scope(now))
            _turn_mappers(keycloak, path, now)
        elif kind == "groups" and len(part) == 2:
            _put(keycloak, path, now | {"description": "turned", "attributes": {"turned": ["1"]}})
        elif kind == "roles-by-id" and len(part) == 2 and now["name"] != f"default-roles-{realm}":
            _turn_role(keycloak, top, path, now)
        elif kind == "authentication":
            _turn_flow(keycloak, top, path, now)
    _turn_memberships(keycloak, found, top)


def _put(keycloak: Server, path: str, body: object) -> None:
    must(keycloak.ask("PUT", path, body), path)


def _turned_realm(now: dict[str, Any]) -> dict[str, Any]:
    turned: dict[str, Any] = {
        field: not now.get(field)
        for field in realm_fields.SWITCHES.values()
        if field not in _WITH_CONSEQUENCES
    }
    # Keycloak takes no two of these together.
    turned |= {"registrationEmailAsUsername": False, "duplicateEmailsAllowed": False}
    turned |= {name: (now.get(name) or 0) + 77 for name in realm_fields.DURATIONS}
    turned |= realm_fields.FLOWS | _OTP_AND_KEYS
    return (
        now
        | turned
        | {
            "displayName": "Turned",
            "displayNameHtml": "<b>turned</b>",
            "defaultSignatureAlgorithm": "ES256",
            "passwordPolicy": "length(1)",
            "sslRequired": "none",
            "loginTheme": "keycloak",
            "refreshTokenMaxReuse": 9,
            "oauth2DevicePollingInterval": 77,
            "bruteForceProtected": True,
            "bruteForceStrategy": "LINEAR",
            "permanentLockout": True,
            "maxTemporaryLockouts": 3,
            "failureFactor": 99,
            "maxSecondaryAuthFailures": 99,
            "waitIncrementSeconds": 1,
            "quickLoginCheckMilliSeconds": 1,
            "minimumQuickLoginWaitSeconds": 1,
            "maxFailureWaitSeconds": 1,
            "maxDeltaTimeSeconds": 1,
            "internationalizationEnabled": True,
            "supportedLocales": ["de", "en"],
            "defaultLocale": "de",
            "smtpServer": {"host": "turned.example", "from": "turned@turned.example"},
            "browserSecurityHeaders": {
                name: "turned" for name in realm_fields.HEADERS.values() if name != "xXSSProtection"
            },
        }
    )


def _turned_client(now: dict[str, Any]) -> dict[str, Any]:
    public = now["publicClient"]
    attributes = {
        "access.token.lifespan": "9999",
        "backchannel.logout.revoke.offline.tokens": "true",
        "backchannel.logout.session.required": "false",
        "backchannel.logout.url": "https://turned.example",
        "client.offline.session.idle.timeout": "66",
        "client.offline.session.max.lifespan": "77",
        "client.session.idle.timeout": "66",
        "client.session.max.lifespan": "77",
        "client_credentials.use_refresh_token": "true",
        "consent.screen.text": "turned",
        "display.on.consent.screen": "true",
        "dpop.bound.access.tokens": "true",
        "frontchannel.logout.url": "https://turned.example",
        "login_theme": "keycloak",
        "oauth2.device.authorization.grant.enabled": "true",
        "oauth2.device.code.lifespan": "9999",
        "oauth2.device.polling.interval": "99",
        "pkce.code.challenge.method": "plain",
        "post.logout.redirect.uris": "https://turned.example/*",
        "use.refresh.tokens": "false" if now["attributes"].get("use.refresh.tokens") == "true" else "true",
    }
    return now | {
        "name": "turned",
        "description": "turned",
        # A client that somebody has let people sign in with, and gave an address.
        "standardFlowEnabled": True,
        "redirectUris": ["https://turned.example/*"],
        "webOrigins": ["*"],
        "implicitFlowEnabled": True,
        "directAccessGrantsEnabled": not now["directAccessGrantsEnabled"],
        "serviceAccountsEnabled": not public and not now["serviceAccountsEnabled"],
        "fullScopeAllowed": not now["fullScopeAllowed"],
        "frontchannelLogout": True,
        "consentRequired": True,
        "alwaysDisplayInConsole": True,
        "adminUrl": "https://turned.example",
        "baseUrl": "https://turned.example",
        "attributes": now["attributes"] | attributes,
    }


def _turned_scope(now: dict[str, Any]) -> dict[str, Any]:
    attributes = {
        "display.on.consent.screen": "true",
        "consent.screen.text": "turned",
        "gui.order": "7",
        "include.in.token.scope": "false",
        "include.in.openid.provider.metadata": "false",
    }
    return now | {"description": "turned", "attributes": now["attributes"] | attributes}


def _turn_mappers(keycloak: Server, path: str, now: dict[str, Any]) -> None:
    flags = ("id.token.claim", "access.token.claim", "userinfo.token.claim", "introspection.token.claim")
    for mapper in now.get("protocolMappers") or ():
        kind = mapper["protocolMapper"]
        texts = {
            "oidc-audience-mapper": {"included.custom.audience": "turned"},
            "oidc-hardcoded-claim-mapper": {"claim.value": "{}", "claim.name": "turned"},
            "oidc-group-membership-mapper": {"claim.name": "turned", "full.path": "true"},
        }.get(kind)
        if texts is None:
            continue
        config = mapper["config"]
        turned = {name: "false" if config[name] == "true" else "true" for name in flags if name in config}
        body = mapper | {"config": config | turned | texts}
        _put(keycloak, f"{path}/protocol-mappers/models/{mapper['id']}", body)


def _turn_role(keycloak: Server, top: str, path: str, now: dict[str, Any]) -> None:
    if now["name"].startswith(("uma_", "offline_")):
        return
    _put(keycloak, path, now | {"description": "turned", "attributes": {"turned": ["1"]}})
    added = keycloak.get(f"{top}/roles/offline_access")
    must(keycloak.ask("POST", f"{path}/composites", [added]), path)


def _turn_flow(keycloak: Server, top: str, path: str, now: dict[str, Any]) -> None:
    if "/flows/" in path:
        _put(keycloak, path, now | {"description": "turned"})
    elif "/config/" in path:
        _put(keycloak, path, now | {"config": {"condUserRole": "turned", "negate": "true"}})
    else:
        flows = keycloak.get(f"{top}/authentication/flows/people/executions")
        flows += keycloak.get(f"{top}/authentication/flows/no-password-grant/executions")
        (step,) = (one for one in flows if one["id"] == now["id"])
        choices = [choice for choice in step["requirementChoices"] if choice != step["requirement"]]
        turned = "DISABLED" if "DISABLED" in choices else (choices or [step["requirement"]])[0]
        body = {"id": now["id"], "requirement": turned, "priority": 77}
        parent = _parent(keycloak, top, now)
        _put(keycloak, f"{top}/authentication/flows/{parent}/executions", body)


def _parent(keycloak: Server, top: str, step: dict[str, Any]) -> str:
    return str(keycloak.get(f"{top}/authentication/flows/{step['parentFlow']}")["alias"])


def _turn_memberships(keycloak: Server, found: Mapping[str, Any], top: str) -> None:
    """Give groups, clients and the default roles what they must not have."""
    offline = keycloak.get(f"{top}/roles/offline_access")
    default = found[top]["defaultRole"]["id"]
    must(keycloak.ask("POST", f"{top}/roles-by-id/{default}/composites", [offline]), "default roles")
    for path in found:
        if path.endswith("/role-mappings/realm"):
            must(keycloak.ask("POST", path, [offline]), path)
        elif path.endswith("/optional-client-scopes"):
            scopes = {scope["name"]: scope["id"] for scope in keycloak.get(f"{top}/client-scopes")}
            must(keycloak.ask("PUT", f"{path}/{scopes['offline_access']}"), path)
            must(keycloak.ask("PUT", f"{path.replace('optional', 'default')}/{scopes['phone']}"), path)
