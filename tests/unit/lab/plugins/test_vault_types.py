"""Vault's types behave as the official plugin's do where a user notices it."""

import pytest

from lab.plugins import base
from lab.plugins.base import Kind
from lab.plugins.bridged_diff import difference
from lab.plugins.bridged_schema import ResourceType
from lab.plugins.values import Object
from lab.plugins.vault import approle, authorities, key_values, kubernetes_auth, mounts, pki, policies
from lab.plugins.vault.client import Client, Settings
from lab.plugins.vault.fields import duration_text, same_duration

TYPES = {
    described.token: described
    for module in (mounts, policies, kubernetes_auth, approle, authorities, pki, key_values)
    for described, _ in module.covered(Client(Settings("https://127.0.0.1:1", "")))
}


def changes(described: ResourceType, state: Object, inputs: Object) -> base.Difference:
    return difference(described, base.Diff("urn", described.token, "r", "r", inputs, inputs, state))


def test_the_covered_types_are_those_that_the_kit_uses() -> None:
    assert {token.rpartition(":")[2] for token in TYPES} == {
        "AuthBackend",
        "AuthBackendConfig",
        "AuthBackendRole",
        "Mount",
        "Policy",
        "SecretBackendConfigIssuers",
        "SecretBackendConfigUrls",
        "SecretBackendCrlConfig",
        "SecretBackendIntermediateCertRequest",
        "SecretBackendIntermediateSetSigned",
        "SecretBackendRole",
        "SecretBackendRootCert",
        "SecretBackendRootSignIntermediate",
        "SecretV2",
    }


@pytest.mark.parametrize("described", TYPES.values(), ids=lambda described: described.token)
def test_every_property_is_described_once(described: ResourceType) -> None:
    names = [item.name for item in described.properties]
    assert sorted(names) == sorted(set(names))


def test_a_roles_duration_in_hours_is_a_change_for_ever() -> None:
    state = {"backend": "pki", "name": "device", "maxTtl": "2592000"}
    shown = changes(pki.ROLE, state, {"backend": "pki", "name": "device", "maxTtl": "720h"})
    assert shown.paths["maxTtl"] is Kind.UPDATE


def test_a_sign_in_methods_duration_may_be_written_otherwise() -> None:
    state = {"type": "kubernetes", "tune": {"defaultLeaseTtl": "1h", "maxLeaseTtl": "2h"}}
    inputs = {"type": "kubernetes", "tune": {"defaultLeaseTtl": "3600s", "maxLeaseTtl": "2h"}}
    assert changes(mounts.AUTH_BACKEND, state, inputs).paths == {}


def test_another_subject_is_another_root() -> None:
    state = {"backend": "pki", "type": "internal", "commonName": "A", "maxPathLength": -1}
    shown = changes(authorities.ROOT, state, {**state, "commonName": "B"})
    assert "commonName" in (shown.replaces or ())


def test_a_moved_mount_is_not_replaced() -> None:
    shown = changes(mounts.MOUNT, {"path": "a", "type": "pki"}, {"path": "b", "type": "pki"})
    assert (dict(shown.paths), shown.replaces) == ({"path": Kind.UPDATE}, [])


def test_the_layout_of_a_secrets_json_is_no_change() -> None:
    assert key_values.same_json('{"a":1,"b":2}', '{ "b": 2, "a": 1 }')
    assert not key_values.same_json('{"a":1}', '{"a":2}')


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (30, "30s"), (90, "1m30s"), (3600, "1h"), (2764800, "768h"), (5415, "1h30m15s")],
)
def test_durations_are_spelled_as_the_official_plugin_does(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text
    assert same_duration(text, str(seconds))


def test_what_was_made_once_cannot_be_imported() -> None:
    roots = authorities.Roots(Client(Settings("https://127.0.0.1:1", "")))
    with pytest.raises(authorities.NotImportableError, match="pki/issuer/1 cannot be imported"):
        roots.read("pki/issuer/1", {})


def test_nonsense_is_no_duration() -> None:
    assert not same_duration("soon", "30s")
