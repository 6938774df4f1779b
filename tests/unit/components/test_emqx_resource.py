"""The EMQX resource is one that the official definition of operator 2.2.29 takes, and so is the lab's definition."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from components.recording import Composition
from model import Site
from model.broker import Replicants
from tests.support.composing import broker_alone, compose, compose_broker
from tests.support.custom_resource import definition, differences, problems
from tests.support.emqx_schema import reference
from tests.support.variants import EDITIONS, PHASES, Variants

VERSION = "v2beta1"
LAB = Path(__file__).parents[3] / "lab" / "crds" / "emqx.yaml"


@pytest.fixture
def official() -> dict[str, Any]:
    """The official definition; the test is skipped where it is not at hand."""
    return definition(reference("apps.emqx.io_emqxes.yaml", "resource definition"), VERSION)


@pytest.fixture
def later() -> dict[str, Any]:
    """The official definition of operator 2.3.0, API version v2; the test is skipped where it is not at hand."""
    found = reference("emqxes.apps.emqx.io.v2.operator-2.3.0.schema.json", "resource definition")
    schema: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return schema


def resource(composition: Composition) -> dict[str, Any]:
    made = composition.one("EMQX")
    return copy.deepcopy({"metadata": made.metadata, "spec": made.spec})


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_official_definition_takes_it(edition: str, variants: Variants, official: dict[str, Any]) -> None:
    (site,) = (site for site in variants("parallel", edition) if site.name == "eagle-ford")
    assert list(problems(official, resource(compose(site)))) == []


@pytest.mark.parametrize("version", ["5.9.3", "5.10.4", "6.0.3", "6.3.1"])
@pytest.mark.parametrize("replicants", [None, Replicants(replicas=4, autoscaling=None)])
def test_the_later_definition_takes_it(
    version: str, replicants: Replicants | None, variants: Variants, later: dict[str, Any]
) -> None:
    for phase in PHASES:
        (site,) = (site for site in variants(phase, "enterprise") if site.name == "eagle-ford")
        broker = site.broker.model_copy(update={"version": version, "replicants": replicants})
        made = resource(compose_broker(site.model_copy(update={"broker": broker})))
        assert list(problems(later, made)) == []


def test_a_broker_that_is_composed_alone_has_the_same_resource(composition: Composition) -> None:
    alone = broker_alone(composition.site)
    assert len(alone.objects) < len(composition.objects)
    assert resource(alone) == resource(composition)


def test_the_labs_definition_says_what_the_later_one_says(later: dict[str, Any]) -> None:
    ours = definition(LAB, "v2")
    assert ours == definition(LAB, VERSION)
    assert list(differences(ours["properties"]["spec"], later["properties"]["spec"], "spec")) == []


def test_the_official_definition_takes_replicants(variants: Variants, official: dict[str, Any]) -> None:
    (site,) = (site for site in variants("pilot", "enterprise") if site.name == "baytown")
    replicants = Replicants(replicas=4, autoscaling=None)
    with_replicants: Site = site.model_copy(
        update={"broker": site.broker.model_copy(update={"replicants": replicants})}
    )
    assert list(problems(official, resource(compose(with_replicants)))) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.priorityClassName", "high"),
        ("spec.coreTemplate.spec.minReadySeconds", 5),
        ("spec.coreTemplate.spec.replicas", "three"),
        ("spec.config.mode", "Overwrite"),
        ("spec.updateStrategy.type", "RollingUpdate"),
        ("spec.image", None),
        ("spec.bootstrapAPIKeys", [{"secretRef": {"key": {"secretName": "a b", "secretKey": "a key"}}}]),
    ],
)
def test_what_it_does_not_take_is_found(
    eagle_ford: Composition, official: dict[str, Any], path: str, value: Any
) -> None:
    made: Any = resource(eagle_ford)
    *above, last = path.split(".")
    place = made
    for step in above:
        place = place[step]
    place[last] = value
    assert [problem for problem in problems(official, made) if problem.startswith(f".{path}")]


def test_the_labs_definition_says_what_the_official_one_says(official: dict[str, Any]) -> None:
    ours = definition(LAB, VERSION)
    assert list(differences(ours["properties"]["spec"], official["properties"]["spec"], "spec")) == []


def test_the_labs_definition_takes_it(composition: Composition) -> None:
    assert list(problems(definition(LAB, VERSION), resource(composition))) == []
