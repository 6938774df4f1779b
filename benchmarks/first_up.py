"""The first `pulumi up` of a site, to the same objects written by a plain client.

The plain client is the stand-in plugins' own calls to the servers, in one process, one after the other, each waited
for as `up` does: what is left when engine, program and plugin processes are taken away.
"""

import os
import threading
from typing import Any

from benchmarks.measure import Ratio, cost
from lab.estate import Estate
from lab.plugins.base import Context, Create, Delete, Provider, Resource
from lab.plugins.keycloak.provider import KeycloakProvider
from lab.plugins.kubernetes.provider import KubernetesProvider
from lab.plugins.values import SIGNATURE
from lab.plugins.vault.provider import VaultProvider
from tests.support.shell import Shell

GOAL = 1.5
_PROVIDERS: dict[str, type[Provider]] = {
    "pulumi:providers:kubernetes": KubernetesProvider,
    "pulumi:providers:vault": VaultProvider,
    "pulumi:providers:keycloak": KeycloakProvider,
}


def measure(_estate: Estate, shell: Shell, site: str) -> list[Ratio]:
    """Return the ratio of wall time; leaves the site deployed."""
    shell.up(site)
    resources = [entry for entry in shell.resources(site) if entry.get("custom")]
    _destroy(shell, site)
    with _Plain(shell, resources) as plain:
        theirs = cost(plain.write)
        plain.remove()
    ours = cost(lambda: shell.up(site))
    count = len(plain.objects)
    return [Ratio(f"first up of {count} objects, wall, to a plain client", ours.wall, theirs.wall, "s", GOAL)]


def _destroy(shell: Shell, site: str) -> None:
    shell.pulumi("destroy", "--yes", "--skip-preview", "--stack", site)


class _Plain:
    """Writes the objects of a state anew; what servers make up (ids, certificates) is taken from the new answers."""

    def __init__(self, shell: Shell, resources: list[dict[str, Any]]) -> None:
        self._shell = shell
        # `pulumi:…` beside the providers is the engine's own, which no server hears of.
        self._settings = [entry for entry in resources if entry["type"] in _PROVIDERS]
        objects = [entry for entry in resources if not entry["type"].startswith("pulumi:")]
        # A Service waits for its pods, so a client that does one thing after the other makes those before.
        self.objects = sorted(objects, key=lambda entry: entry["type"] == "kubernetes:core/v1:Service")
        self._providers: dict[str, Provider] = {}
        self._made: list[tuple[dict[str, Any], str, Any, Any]] = []
        self._renamed: dict[str, str] = {}

    def __enter__(self) -> "_Plain":
        self._kept = dict(os.environ)
        os.environ.update(self._shell.environment)
        for entry in self._settings:
            provider = _PROVIDERS[entry["type"]]()
            provider.configure(entry["inputs"])
            self._providers[entry["type"].rsplit(":", maxsplit=1)[-1]] = provider
        return self

    def __exit__(self, *_exception: object) -> None:
        os.environ.clear()
        os.environ.update(self._kept)

    def write(self) -> None:
        """Write every object, one after the other."""
        for entry in self.objects:
            urn, token = entry["urn"], entry["type"]
            inputs = self._current(entry["inputs"])
            handler = self._handler(token)
            made = handler.create(
                Create(urn, token, urn.rsplit("::")[-1], inputs, preview=False), _context(urn)
            )
            self._made.append((entry, made.id, inputs, made.outputs))
            self._learn(entry["id"], made.id)
            self._learn(entry["outputs"], made.outputs)

    def remove(self) -> None:
        """Remove every object again, the last one first."""
        for entry, identity, inputs, outputs in reversed(self._made):
            urn, token = entry["urn"], entry["type"]
            handler = self._handler(token)
            handler.delete(Delete(urn, token, urn.rsplit("::")[-1], identity, inputs, outputs), _context(urn))

    def _handler(self, type_token: str) -> Resource:
        handler = self._providers[type_token.split(":")[0]].resource(type_token)
        if handler is None:
            raise LookupError(type_token)
        return handler

    def _current(self, value: Any) -> Any:
        if isinstance(value, dict):
            # What the state has encrypted, a Secret's data, is written as nothing.
            if SIGNATURE in value:
                return {}
            return {key: self._current(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self._current(entry) for entry in value]
        if isinstance(value, str):
            for old, new in self._renamed.items():
                value = value.replace(old, new)
        return value

    def _learn(self, old: Any, new: Any) -> None:
        """Remember which text of the old answers stands where in the new ones."""
        if isinstance(old, dict) and isinstance(new, dict):
            for key in old.keys() & new.keys():
                self._learn(old[key], new[key])
        elif isinstance(old, list) and isinstance(new, list):
            for one, other in zip(old, new, strict=False):
                self._learn(one, other)
        elif isinstance(old, str) and isinstance(new, str) and old != new and len(old) > 8:
            self._renamed[old] = new
            self._renamed[old.strip()] = new.strip()


def _context(urn: str) -> Context:
    return Context(urn, threading.Event(), lambda *_report: None)
