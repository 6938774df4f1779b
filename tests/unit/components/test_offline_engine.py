"""What is composed offline is what the SDK would register: the shorter way changes nothing but the time."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from components import offline_engine, offline_registration
from components.manifest import Manifest
from components.offline_engine import answering
from components.recording import Composition
from components.recording import compose as compose_anew
from components.registered import Registered
from tests.support.composing import compose
from tests.support.variants import Variants


def _by_sdk(
    _urn_of: object, _answers: object, _record: object, of_sdk: Callable[..., None]
) -> Callable[..., None]:
    return of_sdk


def _described(composition: Composition) -> dict[str, dict[str, Any]]:
    return {
        made.urn: {**vars(made), "depends_on": set(made.depends_on), "timeouts": str(made.timeouts)}
        for made in composition.resources
    }


# Most is made in parallel, by each edition in its own way; the other phases take away from it.
@pytest.mark.parametrize(
    ("phase", "edition"),
    [
        ("parallel", "opensource"),
        ("parallel", "enterprise"),
        ("pilot", "enterprise"),
        ("cutover", "opensource"),
    ],
)
def test_each_resource_is_the_one_that_the_sdk_registers(
    phase: str, edition: str, variants: Variants, monkeypatch: pytest.MonkeyPatch
) -> None:
    for site in variants(phase, edition):
        shorter = compose(site)
        with monkeypatch.context() as patched:
            patched.setattr(offline_engine, "Registration", _by_sdk)
            by_sdk = compose_anew(site)
        assert _described(shorter) == _described(by_sdk)
        assert shorter.outputs == by_sdk.outputs


def _registered(fields: Callable[[], dict[str, Any]]) -> list[Registered]:
    """Register one object with the fields that are made in the program, and return all that was registered."""
    made: list[Registered] = []

    async def program() -> None:
        provider = pulumi.ProviderResource("kubernetes", "cluster", {})
        parent = pulumi.ComponentResource("iot-broker:test:Parent", "parent")
        options = pulumi.ResourceOptions(parent=parent, provider=provider)
        metadata: Mapping[str, Any] = {"name": "object"}
        Manifest("object", api_version="v1", kind="ConfigMap", metadata=metadata, opts=options, **fields())

    with answering("test", made.append):
        pulumi.runtime.test(program)()  # type: ignore[no-untyped-call] # the SDK's own
    return made


def test_a_secret_anywhere_in_a_field_makes_the_field_one() -> None:
    made = _registered(lambda: {"data": {"plain": "a", "hidden": pulumi.Output.secret("b")}})[-1]
    assert made.inputs["data"] == {**offline_registration._SECRET, "value": {"plain": "a", "hidden": "b"}}


def test_a_field_that_is_no_plain_data_is_refused_by_its_value() -> None:
    with pytest.raises(TypeError, match=r"frozenset.* is no plain data"):
        _registered(lambda: {"data": {"wrong": frozenset("a")}})


def test_a_failed_output_fails_the_program_instead_of_keeping_it_waiting() -> None:
    def fail(_value: str) -> str:
        raise LookupError("nobody knows")

    with pytest.raises(LookupError, match="nobody knows"):
        _registered(lambda: {"data": {"late": pulumi.Output.from_input("a").apply(fail)}})
