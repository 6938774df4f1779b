"""What a site's program would register, with the names and URNs that the state has for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

from components.offline_registration import object_id
from components.recording import Composition, compose, compose_bootstrap
from components.registered import Registered
from components.settings import Settings
from model import Site

PROJECT, BOOTSTRAP_PROJECT = "iot-broker", "iot-broker-bootstrap"
# Kind of the resource that an input names by its id on the server.
_NAMED_BY = {
    "clientId": "Client",
    "clientScopeId": "ClientScope",
    "compositeRoles": "Role",
    "executionId": "Execution",
    "groupId": "Group",
    "roleId": "Role",
    "roleIds": "Role",
}
_STACK, _PROVIDER = "pulumi:pulumi:Stack", "pulumi:providers:"


@dataclass(frozen=True)
class Frame:
    """What is on no server, and stands in the state before what is: the stack, a component, or a provider."""

    urn: str
    type: str
    parent: str
    """URN, empty for the stack."""
    inputs: Mapping[str, Any] | None = None
    """Of a provider alone."""


@dataclass(frozen=True)
class Wanted:
    """One resource of the program: `urn` and `depends_on` as the state has them, `made` as it was composed."""

    urn: str
    parent: str
    provider: str
    """URN of its provider, empty for a component."""
    depends_on: tuple[str, ...]
    former: tuple[str, ...]
    """URNs under which it may stand in the state yet."""
    made: Registered
    frames: tuple[Frame, ...] = ()
    """What it stands in, the outermost first."""

    @property
    def server(self) -> str:
        """`kubernetes`, `vault`, `keycloak`, or `pulumi` for what is on no server."""
        return self.made.type.partition(":")[0]

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The inputs; ids that a server gives are placeholders."""
        return self.made.inputs


def of_site(site: Site, settings: Settings) -> dict[str, Wanted]:
    """Return what the site's program registers on servers, by URN, each after those that it needs."""
    return _wanted(compose(site, settings), PROJECT)


def of_bootstrap(site: Site, settings: Settings) -> dict[str, Wanted]:
    """Return what the program of the site's bootstrap registers, as `of_site` does."""
    return _wanted(compose_bootstrap(site, settings), BOOTSTRAP_PROJECT)


def _wanted(composition: Composition, project: str) -> dict[str, Wanted]:
    by_composed = {made.urn: made for made in composition.resources}
    place = f"urn:pulumi:{composition.site.name}::{project}::"
    urns = {urn: place + _types_and_name(made, by_composed) for urn, made in by_composed.items()}
    stack = Frame(f"{place}{_STACK}::{project}-{composition.site.name}", _STACK, "")

    def frames(composed: str) -> tuple[Frame, ...]:
        """Return what a composed component or provider stands in, and itself."""
        made = by_composed.get(composed)
        if made is None:
            return (stack,)
        around = frames(made.parent)
        if made.on_server:
            return around
        return (*around, Frame(urns[composed], made.type, around[-1].urn, _provider_inputs(made)))

    found = {}
    for made in composition.objects:
        urn = urns[made.urn]
        head, _, name = urn.rpartition("::")
        former = tuple(f"{head.removesuffix(made.type)}{other}::{name}" for other in made.aliases)
        provider = made.provider.rpartition("::")[0]
        around = {frame.urn: frame for frame in (*frames(made.parent), *frames(provider))}
        found[urn] = Wanted(
            urn,
            urns[made.parent],
            urns.get(provider, ""),
            tuple(urns[needed] for needed in made.depends_on if needed in urns),
            former,
            made,
            tuple(around.values()),
        )
    return found


def _provider_inputs(made: Registered) -> Mapping[str, Any] | None:
    """Return a provider's inputs as the engine keeps them: with the plugin's version; None for a component."""
    if not made.type.startswith(_PROVIDER):
        return None
    return {**made.inputs, "version": metadata.version(f"pulumi-{made.type.removeprefix(_PROVIDER)}")}


def with_ids(resource: Wanted, others: Mapping[str, Wanted], ids: Mapping[str, str]) -> Wanted:
    """Return a resource with the servers' ids in the place of placeholders; `ids` are by URN."""
    known = {
        (others[urn].made.kind, object_id(others[urn].made.name)): ids[urn]
        for urn in resource.depends_on
        if urn in others and urn in ids
    }
    inputs = {key: _filled(value, _NAMED_BY.get(key), known) for key, value in resource.inputs.items()}
    return replace(resource, made=replace(resource.made, inputs=inputs))


def _filled(value: Any, kind: str | None, known: Mapping[tuple[str, str], str]) -> Any:
    if kind is None:
        return value
    if isinstance(value, list):
        return [_filled(entry, kind, known) for entry in value]
    return known.get((kind, value), value) if isinstance(value, str) else value


def _types_and_name(made: Registered, others: Mapping[str, Registered]) -> str:
    """Return the end of the URN that the engine gives: with the types of all parents, which the offline one lacks."""
    types = [made.type]
    parent = others.get(made.parent)
    while parent is not None:
        types.append(parent.type)
        parent = others.get(parent.parent)
    return f"{'$'.join(reversed(types))}::{made.name}"
