"""What is declared to Strimzi is what Strimzi's own definitions take."""

from collections.abc import Iterator

import pytest

from components.recording import Composition
from model.scaling import Autoscaling
from model.units import Percentage
from tests.support.composing import compose
from tests.support.custom_resource import problems
from tests.support.definitions import definitions
from tests.support.variants import PHASES, Variants

GROUP = "kafka.strimzi.io/"


def refused(composition: Composition) -> Iterator[str]:
    """What Strimzi's definitions do not take of a composition, and kinds that they do not have."""
    known = definitions("strimzi")
    for made in composition.objects:
        version, kind = str(made.inputs.get("apiVersion", "")), str(made.inputs.get("kind", ""))
        if not version.startswith(GROUP):
            continue
        schema = known.get((version, kind))
        if schema is None:
            yield f"{version} {kind}: is not defined"
            continue
        yield from problems(schema["properties"]["spec"], made.inputs["spec"], made.name)


@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
@pytest.mark.parametrize("phase", PHASES)
def test_every_object_is_taken(phase: str, edition: str, variants: Variants) -> None:
    for site in variants(phase, edition):
        assert list(refused(compose(site))) == []


def test_a_bridge_that_scales_itself_is_taken(eagle_ford: Composition) -> None:
    wanted = Autoscaling(maximum=16, cpu=Percentage.parse("70%"))
    bridge = eagle_ford.site.streams.bridge.model_copy(update={"autoscaling": wanted})
    streams = eagle_ford.site.streams.model_copy(update={"bridge": bridge})
    assert list(refused(compose(eagle_ford.site.model_copy(update={"streams": streams})))) == []


def test_a_missing_and_a_misspelt_field_are_found() -> None:
    schema = definitions("strimzi")["kafka.strimzi.io/v1", "KafkaBridge"]["properties"]["spec"]
    assert list(problems(schema, {"bootstrapServers": "core:9093", "replica": 2}, "bridge")) == [
        "bridge.replicas: is required",
        "bridge.replica: no such field",
    ]
