"""What the broker is told: no plain door, identities that cannot be borrowed, and only settings that EMQX knows."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.emqx_configuration import (
    KNOWN_ROOTS,
    UnknownRootError,
    check_roots,
    configuration,
)
from components.recording import Composition
from components.settings import Settings
from model.broker import Licence

# Fields that EMQX 5.8.9 takes but leaves out of its schema dump, each with where that was seen.
HIDDEN_FIELDS = {
    "enable",  # a listener's, a log handler's, a cache's and an authorization source's switch (run)
}
HIDDEN_ROOTS = {"overload_protection", "rule_engine", "crl_cache", "node_rebalance"}


def document(composition: Composition, settings: Settings) -> dict[str, Any]:
    return dict(configuration(composition.site, settings))


def test_no_plain_listener_is_open(composition: Composition, settings: Settings) -> None:
    listeners = document(composition, settings)["listeners"]
    plain = {kind: listeners[kind] for kind in ("tcp", "ws")}
    assert plain == {"tcp": {"default": {"enable": False}}, "ws": {"default": {"enable": False}}}
    assert set(listeners) == {"tcp", "ws", "ssl", "wss"}


def test_a_device_without_certificate_is_cut_off_in_the_handshake(
    composition: Composition, settings: Settings
) -> None:
    tls = document(composition, settings)["listeners"]["ssl"]["default"]["ssl_options"]
    assert tls["verify"] == "verify_peer"
    assert tls["fail_if_no_peer_cert"] is True


def test_a_device_is_who_its_certificate_says(composition: Composition, settings: Settings) -> None:
    values = document(composition, settings)
    assert values["mqtt"]["peer_cert_as_username"] == "cn"
    assert values["listeners"]["ssl"]["default"]["enable_authn"] is False


def test_a_browser_brings_a_token_of_the_realm_for_the_broker_under_its_own_name(
    eagle_ford: Composition, settings: Settings
) -> None:
    values = document(eagle_ford, settings)
    assert values["listeners"]["wss"]["default"]["enable_authn"] is True
    (token,) = values["authentication"]
    assert token["verify_claims"] == {
        "iss": "https://keycloak.example:8443/realms/eagle-ford",
        "aud": "mqtt",
        "preferred_username": "${username}",
    }


def test_what_no_policy_allows_is_denied_and_disconnects(
    composition: Composition, settings: Settings
) -> None:
    authorization = document(composition, settings)["authorization"]
    assert (authorization["no_match"], authorization["deny_action"]) == ("deny", "disconnect")
    assert [source["type"] for source in authorization["sources"]] == ["http"]


def test_the_policy_server_is_asked_over_tls_with_a_flat_map_of_texts(
    composition: Composition, settings: Settings
) -> None:
    (source,) = document(composition, settings)["authorization"]["sources"]
    assert source["url"] == f"https://opa.{composition.site.namespace}.svc:8181/v0/data/iot/mqtt/decision"
    assert source["ssl"]["verify"] == "verify_peer"
    assert all(isinstance(value, str) for value in source["body"].values())


def test_the_dashboard_is_served_over_tls_only(composition: Composition, settings: Settings) -> None:
    listeners = document(composition, settings)["dashboard"]["listeners"]
    assert listeners["http"] == {"bind": 0}
    assert listeners["https"]["bind"] == composition.site.broker.dashboard_port


def test_without_an_own_authority_for_keycloak_the_systems_are_believed(
    eagle_ford: Composition, settings: Settings
) -> None:
    (token,) = document(eagle_ford, replace(settings, keycloak_ca=None))["authentication"]
    assert token["ssl"] == {"enable": True, "verify": "verify_peer", "cacerts": True}


def test_a_licence_is_named_by_file_never_by_value(eagle_ford: Composition, settings: Settings) -> None:
    broker = eagle_ford.site.broker.model_copy(
        update={"edition": "enterprise", "licence": Licence(secret="licence", key="emqx.lic")}
    )
    values = configuration(eagle_ford.site.model_copy(update={"broker": broker}), settings)
    assert values["license"] == {"key": "file:///mounted/licence/emqx.lic"}


def test_a_root_that_the_edition_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownRootError) as error:
        check_roots("opensource", {"mqtt": {}, "license": {}, "mtqq": {}})
    assert error.value.roots == {"license", "mtqq"}


def test_each_setting_is_in_emqx_own_schema(composition: Composition, settings: Settings) -> None:
    schema = _schema(composition.site.broker.edition)
    root = next(struct for name, struct in schema.items() if name.endswith("Root Config Keys"))
    unknown = [
        problem
        for key, value in document(composition, settings).items()
        if key not in HIDDEN_ROOTS
        for problem in _unknown(schema, root["fields"], key, value, key)
    ]
    assert unknown == []


@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
def test_our_table_of_roots_has_each_root_of_emqx_own_schema(edition: str) -> None:
    schema = _schema(edition)
    root = next(struct for name, struct in schema.items() if name.endswith("Root Config Keys"))
    assert {field["name"] for field in root["fields"]} == KNOWN_ROOTS[edition] - HIDDEN_ROOTS


def _schema(edition: str) -> dict[str, Any]:
    """EMQX's own schema by struct name; it is reference data beside the checkout, not part of it."""
    beside = Path(__file__).parents[4] / "shared" / "reference"
    folder = Path(os.environ.get("IOT_BROKER_REFERENCE", beside))
    file = folder / "emqx" / f"config-schema-5.8.9-{edition}.json"
    if not file.is_file():
        pytest.skip(f"EMQX's schema dump {file.name} is not here: set IOT_BROKER_REFERENCE to where it is")
    return {struct["full_name"]: struct for struct in json.loads(file.read_text(encoding="utf-8"))}


def _unknown(
    schema: Mapping[str, Any], fields: Sequence[Mapping[str, Any]], key: str, value: Any, path: str
) -> Iterator[str]:
    field = next((field for field in fields if field["name"] == key), None)
    if field is None:
        if key not in HIDDEN_FIELDS:
            yield path
        return
    yield from _mismatches(schema, field["type"], value, path)


def _mismatches(schema: Mapping[str, Any], wanted: Mapping[str, Any], value: Any, path: str) -> list[str]:
    """Return the places where a value does not fit its type; a union fits by its best member."""
    kind = wanted["kind"]
    if kind == "struct":
        if not isinstance(value, Mapping):
            return [f"{path}: not a map"]
        fields = schema[wanted["name"]]["fields"]
        return [
            problem
            for key, inner in value.items()
            for problem in _unknown(schema, fields, key, inner, f"{path}.{key}")
        ]
    if kind == "union":
        return min((_mismatches(schema, member, value, path) for member in wanted["members"]), key=len)
    if kind == "array":
        return [
            problem
            for number, inner in enumerate(value)
            for problem in _mismatches(schema, wanted["elements"], inner, f"{path}[{number}]")
        ]
    if kind == "map":
        values = wanted.get("values")
        return [
            problem
            for key, inner in value.items()
            for problem in (_mismatches(schema, values, inner, f"{path}.{key}") if values else [])
        ]
    if kind == "enum":
        symbols = [str(symbol).lower() for symbol in wanted["symbols"]]
        return [] if str(value).lower() in symbols else [f"{path}: {value} is none of {symbols}"]
    if kind == "singleton":
        return [] if value == wanted["name"] else [f"{path}: not {wanted['name']}"]
    return _primitive(wanted["name"], value, path)


def _primitive(name: str, value: Any, path: str) -> list[str]:
    expected: dict[str, type | tuple[type, ...]] = {
        "boolean()": bool,
        "pos_integer()": int,
        "non_neg_integer()": int,
        "integer()": int,
        "map()": Mapping,
        "binary()": str,
        "string()": str,
    }
    wanted = expected.get(name, (str, int))
    return [] if isinstance(value, wanted) else [f"{path}: {value!r} is no {name}"]
