"""How people sign in: the browser's flow with a second factor for those who need one, and no password grant at all."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_keycloak as keycloak
from pulumi_keycloak import authentication

from components.component import SiteComponent
from model.rules.identity import SECOND_FACTOR_ROLE

BROWSER_FLOW = "people"
"""Flow of every login by a browser."""
NO_PASSWORD_GRANT = "no-password-grant"  # noqa: S105 - the name of a flow
"""Flow of every password grant: it denies, whatever a client allows."""
_WHO, _PASSWORD, _SECOND = f"{BROWSER_FLOW}-who", f"{BROWSER_FLOW}-password", f"{BROWSER_FLOW}-second-factor"
_FIRST, _NEXT = 10, 20


def bind_flows(
    component: SiteComponent, realm: pulumi.Input[str], factor: keycloak.Role, settings: Mapping[str, Any]
) -> None:
    """Make the flows and bind them to the realm; `settings` are the realm's own properties.

    A session that is there already does not spare the second factor: it is asked for after the cookie, too.
    """
    maker = _Maker(component, realm)
    browser = maker.flow(BROWSER_FLOW, "The password, and a second factor for those who need one")
    who = maker.subflow(browser.alias, _WHO, "REQUIRED", _FIRST)
    maker.step(who.alias, "auth-cookie", "ALTERNATIVE", _FIRST)
    password = maker.subflow(who.alias, _PASSWORD, "ALTERNATIVE", _NEXT)
    maker.step(password.alias, "auth-username-password-form", "REQUIRED", _FIRST)
    second = maker.subflow(browser.alias, _SECOND, "CONDITIONAL", _NEXT)
    condition = maker.step(second.alias, "conditional-user-role", "REQUIRED", _FIRST)
    maker.settings(condition, {"condUserRole": factor.name, "negate": "false"})
    # Whoever has none is made to enrol one.
    maker.step(second.alias, "auth-otp-form", "REQUIRED", _NEXT)
    denying = maker.flow(NO_PASSWORD_GRANT, "Denies every password grant")
    maker.step(denying.alias, "deny-access-authenticator", "REQUIRED", _FIRST)
    maker.bind({"browser_flow": browser.alias, "direct_grant_flow": denying.alias}, settings_digest(settings))


class _Maker:
    """Makes flows, their steps and bindings; all of it goes with the realm, which is why nothing is deleted."""

    def __init__(self, component: SiteComponent, realm: pulumi.Input[str]) -> None:
        self._component, self._realm = component, realm
        self._made: list[pulumi.Resource] = []

    def flow(self, alias: str, description: str) -> authentication.Flow:
        made = authentication.Flow(
            self._name(alias),
            realm_id=self._realm,
            alias=alias,
            description=description,
            provider_id="basic-flow",
            opts=self._options(),
        )
        self._made.append(made)
        return made

    def subflow(
        self, parent: pulumi.Input[str], alias: str, requirement: str, priority: int
    ) -> authentication.Subflow:
        made = authentication.Subflow(
            self._name(alias),
            realm_id=self._realm,
            parent_flow_alias=parent,
            alias=alias,
            description="",
            provider_id="basic-flow",
            requirement=requirement,
            priority=priority,
            opts=self._options(),
        )
        self._made.append(made)
        return made

    def step(
        self, parent: pulumi.Input[str], authenticator: str, requirement: str, priority: int
    ) -> authentication.Execution:
        made = authentication.Execution(
            self._name(authenticator),
            realm_id=self._realm,
            parent_flow_alias=parent,
            authenticator=authenticator,
            requirement=requirement,
            priority=priority,
            opts=self._options(),
        )
        self._made.append(made)
        return made

    def settings(self, step: authentication.Execution, values: Mapping[str, pulumi.Input[str]]) -> None:
        self._made.append(
            authentication.ExecutionConfig(
                self._name(SECOND_FACTOR_ROLE),
                realm_id=self._realm,
                execution_id=step.id,
                alias=SECOND_FACTOR_ROLE,
                config=values,
                opts=self._options(),
            )
        )

    def bind(self, flows: Mapping[str, pulumi.Input[str]], written: str) -> None:
        """Bind the flows when all steps are there.

        The provider writes a changed realm with the flows that it last read there, which are the built-in ones until
        a refresh: so they are bound anew whenever the realm's settings (`written`, their digest) change.
        """
        options = self._component.in_keycloak(depends_on=self._made)
        options.retain_on_delete, options.replacement_trigger = True, written
        authentication.Bindings(
            self._name("flows"),
            realm_id=self._realm,
            registration_flow="registration",
            reset_credentials_flow="reset credentials",
            client_authentication_flow="clients",
            docker_authentication_flow="docker auth",
            first_broker_login_flow="first broker login",
            **flows,
            opts=options,
        )

    def _name(self, name: str) -> str:
        return f"{self._component.site.name}-{name}"

    def _options(self) -> pulumi.ResourceOptions:
        # One after the other: Keycloak answers 500 to who reads a flow while another part of it is made
        # (https://github.com/keycloak/keycloak/issues/17443).
        options = self._component.in_keycloak(depends_on=self._made[-1:])
        # Keycloak deletes no flow that is bound; the realm takes them with it.
        options.retain_on_delete = True
        return options


def settings_digest(settings: Mapping[str, Any]) -> str:
    """Return a digest of a realm's settings, nested arguments included."""
    text = json.dumps(settings, default=lambda part: part.__dict__, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
