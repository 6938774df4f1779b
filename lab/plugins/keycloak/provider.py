"""The keycloak plugin: its settings, and which type is kept by which handler."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from lab.plugins.base import Provider, Resource
from lab.plugins.values import Value, plain

if TYPE_CHECKING:
    from lab.plugins.keycloak.server import Server


class KeycloakProvider(Provider):
    """Signs in to one Keycloak and keeps the kit's types on it."""

    name = "keycloak"

    def __init__(self) -> None:
        self._server: Server | None = None

    def configure(self, settings: Mapping[str, Value]) -> None:
        """Take the settings and sign in, unless `initialLogin` is false; raises PluginError."""
        from lab.plugins.keycloak.server import Server, settings_of

        taken = settings_of(plain(settings))
        self._server = Server(taken)
        if taken.initial_login:
            self._server.sign_in()

    def resource(self, type_token: str) -> Resource | None:
        """The handler of a type, None when the stand-in does not cover it."""
        return self._resources.get(type_token)

    @cached_property
    def _resources(self) -> Mapping[str, Resource]:
        from lab.plugins.keycloak.resources import resources

        if self._server is None:
            raise RuntimeError("the engine asks for a resource before it gave the settings")
        return resources(self._server)
