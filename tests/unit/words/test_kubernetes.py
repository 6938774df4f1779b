"""Odd but valid names through everything that is named by them: Kubernetes takes them, and no two things share one."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from components.recording import Composition, compose
from model import Site
from tests.support import hostile
from tests.support.any_site import broken

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
LABEL_VALUE = re.compile(r"(?=.{0,63}\Z)([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?")
LABEL_KEY = re.compile(
    r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
)
CONTAINER_PORT = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
# Parts of the site whose things people name, and in which each thing has one name.
NAMED: tuple[tuple[str, ...], ...] = (
    ("assets",),
    ("identity", "roles"),
    ("identity", "groups"),
    ("identity", "gateways"),
    ("policy", "hosts"),
    ("network", "zones"),
    ("streams", "sinks"),
)
# Keys under which a thing's name stands.
NAMING = {"name", "role", "viewer_role", "roles", "readers", "assets", "scope", "mqtts_for", "user", "group"}
SINGLE: tuple[tuple[str, ...], ...] = (
    ("platform", "issuer", "name"),
    ("platform", "issuer", "service_account"),
    ("identity", "dashboard", "client_id"),
)
ODD = (
    "a",
    "null",
    "true",
    "on",
    "a--b",
    "x-0",
    "default",
    "latest",
    "root",
    "admin",
    "system",
    "z" * 13,
    "z" * 40,
)


@cache
def kits_own() -> tuple[str, ...]:
    """Every name that the kit itself gives to something, as far as people could give it too."""
    composition = compose(hostile.whole_site())
    found = {name for made in composition.objects for name in made.names}
    return tuple(sorted(name for name in found if re.fullmatch(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", name)))


def labels() -> st.SearchStrategy[str]:
    shaped = st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)
    return st.sampled_from(ODD) | st.deferred(lambda: st.sampled_from(kits_own())) | shaped


@st.composite
def named_sites(draw: st.DrawFn) -> Site:
    """Valid sites whose things have odd names, or names that the kit itself gives."""
    data: dict[str, Any] = hostile.whole_site().model_dump()
    new: dict[str, str] = {}
    for path in NAMED:
        items = _at(data, path)
        found = draw(
            st.lists(labels(), min_size=len(items), max_size=len(items), unique=True), label=".".join(path)
        )
        # The pair of an old and a new name holds within one part; names of several parts are drawn once.
        new |= {
            item["name"]: name for item, name in zip(items, found, strict=True) if item["name"] not in new
        }
    data = _renamed(data, new)
    for path in SINGLE:
        _at(data, path[:-1])[path[-1]] = draw(labels(), label=".".join(path))
    # A name that stands twice in a list is refused where the file is read.
    assume(all(len({*names}) == len(names) for names in _lists_of_names(data)))
    try:
        site = Site.model_validate(data)
    except ValidationError:
        assume(False)
        raise
    assume(not broken(site))
    return site


def _lists_of_names(value: Any) -> Iterator[list[str]]:
    for _, inner in every(value):
        if isinstance(inner, tuple) and all(isinstance(item, dict) and "name" in item for item in inner):
            yield [item["name"] for item in inner]


def _at(data: dict[str, Any], path: tuple[str, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def _renamed(value: Any, new: dict[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _renamed(inner, new, name) for name, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(_renamed(inner, new, key) for inner in value)
    return new.get(value, value) if isinstance(value, str) and key in NAMING else value


def every(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Each map and value of a manifest, with the key that it stands under."""
    yield key, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from every(inner, name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from every(inner, key)


def mistakes(composition: Composition) -> list[str]:
    """What Kubernetes' API server would say of the manifests' names and labels."""
    found = []
    for made in composition.manifests:
        name = made.metadata["name"]
        rule = LABEL if made.kind in ("Service", "Namespace") else SUBDOMAIN
        if not rule.fullmatch(name):
            found.append(f"{made.kind} {name}")
        for key, value in every(made.inputs):
            if key in ("labels", "matchLabels") and isinstance(value, dict):
                found += [
                    f"{made.kind} {name}: label {word}" for word in value if not LABEL_KEY.fullmatch(word)
                ]
                found += [
                    f"{made.kind} {name}: label {word}"
                    for word in value.values()
                    if not LABEL_VALUE.fullmatch(word)
                ]
            if key == "ports" and isinstance(value, dict) and "name" in value:
                port = CONTAINER_PORT if "containerPort" in value else LABEL
                found += (
                    [] if port.fullmatch(value["name"]) else [f"{made.kind} {name}: port {value['name']}"]
                )
            if key in ("secretName", "serviceAccountName") and not SUBDOMAIN.fullmatch(value):
                found.append(f"{made.kind} {name}: {key} {value}")
    return found


def shared(composition: Composition) -> list[tuple[Any, ...]]:
    """What two objects would be called the same on their server."""
    counted = Counter[tuple[Any, ...]]()
    for made in composition.manifests:
        counted[
            made.kind, made.inputs["apiVersion"], made.metadata.get("namespace"), made.metadata["name"]
        ] += 1
    for made in composition.objects:
        if made.type == "keycloak:openid/client:Client":
            counted["client", made.inputs["clientId"]] += 1
        if made.type == "keycloak:index/role:Role":
            counted["role", made.inputs["name"]] += 1
        if made.type == "vault:pkisecret/secretBackendRole:SecretBackendRole":
            counted["role of Vault", made.inputs["name"]] += 1
    return [name for name, count in counted.items() if count > 1]


@settings(max_examples=8, deadline=None, phases=hostile.NO_SHRINKING)
@given(named_sites())
def test_kubernetes_takes_every_name_and_no_two_things_share_one(site: Site) -> None:
    composition = compose(site)
    assert mistakes(composition) == []
    assert shared(composition) == []


def test_the_names_that_the_kit_gives_are_seen() -> None:
    assert {"broker-probe", "opa"} <= set(kits_own())
