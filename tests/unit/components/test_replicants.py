"""Replicants: like core nodes without a volume; clients are theirs, and so is the peak."""

import re

import pytest

from components.emqx_nodes import BROKER_PODS
from components.recording import Composition
from components.requirements import needed_apis
from model import capacity, stream_capacity
from model.broker import Replicants
from model.rules import replicants as rules
from model.scaling import Autoscaling
from model.site import Site
from model.sizing import MESSAGES_PER_CORE
from model.units import Percentage
from tests.support.composing import compose, compose_broker
from tests.support.variants import Variants


def with_replicants(site: Site, replicants: Replicants | None, *, scales: bool = False) -> Site:
    broker = site.broker.model_copy(update={"replicants": replicants})
    operator = site.platform.broker_operator.model_copy(update={"scales_replicants": scales})
    platform = site.platform.model_copy(update={"broker_operator": operator})
    return site.model_copy(update={"broker": broker, "platform": platform})


@pytest.fixture
def enterprise(variants: Variants) -> Site:
    (site,) = (site for site in variants("pilot", "enterprise") if site.name == "eagle-ford")
    return site


def fixed(number: int) -> Replicants:
    return Replicants(replicas=number, autoscaling=None)


def scaling(maximum: int = 6) -> Replicants:
    return Replicants(replicas=3, autoscaling=Autoscaling(maximum=maximum, cpu=Percentage.parse("70%")))


def test_they_are_as_core_nodes_without_a_volume(enterprise: Site) -> None:
    spec = compose_broker(with_replicants(enterprise, fixed(4))).one("EMQX").spec
    core, replicant = spec["coreTemplate"]["spec"], spec["replicantTemplate"]["spec"]
    assert replicant["replicas"] == 4
    assert "volumeClaimTemplates" not in replicant
    same = ("resources", "containerSecurityContext", "podSecurityContext", "readinessProbe", "lifecycle")
    assert all(core[key] == replicant[key] for key in same)
    # Nobody has a password there, so neither kind is told one.
    assert "env" not in core.keys() | replicant.keys()
    (spread,) = replicant["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"]["apps.emqx.io/db-role"] == "replicant"


@pytest.mark.parametrize(("replicants", "waited"), [(fixed(4), ["4"]), (fixed(0), []), (scaling(), [])])
def test_a_rollout_waits_for_as_many_as_were_asked_for(
    enterprise: Site, replicants: Replicants, waited: list[str]
) -> None:
    """The number of those that scale themselves is their autoscaler's."""
    made = compose_broker(with_replicants(enterprise, replicants)).one("EMQX")
    text = made.metadata["annotations"]["pulumi.com/waitFor"]
    assert re.findall(r"replicantNodesStatus.readyReplicas}=(\d+)", text) == waited


def test_they_had_rather_be_in_other_zones_whatever_the_operator_makes_of_the_constraint(
    enterprise: Site,
) -> None:
    replicant = (
        compose_broker(with_replicants(enterprise, fixed(4))).one("EMQX").spec["replicantTemplate"]["spec"]
    )
    wishes = replicant["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    terms = [wish["podAffinityTerm"] for wish in wishes]
    assert [term["topologyKey"] for term in terms] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    roles = {term["labelSelector"]["matchLabels"]["apps.emqx.io/db-role"] for term in terms}
    assert roles == {"replicant"}


def test_a_site_without_them_says_nothing_of_them(composition: Composition) -> None:
    assert "replicantTemplate" not in composition.one("EMQX").spec


def test_they_are_let_through_the_network_as_core_nodes_are(enterprise: Site) -> None:
    made = compose(with_replicants(enterprise, fixed(4)))
    (policy,) = (entry for entry in made.of("NetworkPolicy") if entry.metadata["name"] == "broker")
    assert policy.spec["podSelector"]["matchLabels"] == BROKER_PODS
    assert "apps.emqx.io/db-role" not in BROKER_PODS


def test_they_carry_the_peak_with_one_of_them_lost(enterprise: Site) -> None:
    site = with_replicants(enterprise, fixed(6))
    assert (site.broker.nodes, site.broker.serving) == (site.broker.replicas + 6, 6)
    assert capacity.nodes_left(site.broker) == 5
    assert capacity.messages(site.broker).carried == 5 * site.broker.cores * MESSAGES_PER_CORE


def test_what_waits_for_kafka_waits_in_their_memory(enterprise: Site) -> None:
    assert stream_capacity.outage(enterprise).kept_on == "disk"
    site = with_replicants(enterprise, fixed(4))
    away = stream_capacity.outage(site)
    assert away.kept_on == "memory"
    assert away.buffer.count == site.broker.memory.count // stream_capacity.SHARE_OF_MEMORY
    text = compose_broker(site).one("EMQX").spec["config"]["data"]
    assert "mode = memory" in text or 'mode = "memory"' in text


def test_an_autoscaler_has_their_number_for_itself(enterprise: Site) -> None:
    site = with_replicants(enterprise, scaling(), scales=True)
    made = compose(site)
    assert "replicas" not in made.one("EMQX").spec["replicantTemplate"]["spec"]
    (scaler,) = (entry for entry in made.of("HorizontalPodAutoscaler") if entry.metadata["name"] == "broker")
    target = {"apiVersion": site.broker.operator_api, "kind": "EMQX", "name": "broker"}
    assert scaler.spec["scaleTargetRef"] == target
    assert (scaler.spec["minReplicas"], scaler.spec["maxReplicas"]) == (3, 6)
    assert "HorizontalPodAutoscaler" in {api.kind for api in needed_apis(site)}


def problems(site: Site) -> list[str]:
    return [found.problem for rule in rules.RULES for found in rule.find(site)]


def test_an_autoscaler_is_refused_where_it_could_not_find_them(enterprise: Site) -> None:
    (problem,) = problems(with_replicants(enterprise, scaling()))
    assert "names no selector of pods" in problem
    assert problems(with_replicants(enterprise, scaling(), scales=True)) == []
    assert "no more than the 3" in problems(with_replicants(enterprise, scaling(3), scales=True))[0]


def test_one_could_not_be_lost_and_none_are_on_their_way_out(enterprise: Site) -> None:
    (problem,) = problems(with_replicants(enterprise, fixed(1)))
    assert "could not be lost" in problem
    none = with_replicants(enterprise, fixed(0))
    assert problems(none) == []
    assert (none.broker.nodes, none.broker.serving) == (enterprise.broker.replicas,) * 2
    assert none.broker.keeps_on_disk
    scaled = scaling().model_copy(update={"replicas": 0})
    (problem,) = problems(with_replicants(enterprise, scaled, scales=True))
    assert "would start them again" in problem


def test_the_opensource_edition_has_none_and_they_stand_beside_three(
    eagle_ford: Composition, enterprise: Site
) -> None:
    (problem,) = problems(with_replicants(eagle_ford.site, fixed(4)))
    assert "opensource edition has no replicants" in problem
    few = enterprise.model_copy(update={"broker": enterprise.broker.model_copy(update={"replicas": 2})})
    (problem,) = problems(with_replicants(few, fixed(4)))
    assert "beside 3 core nodes or more, and there are 2" in problem


def test_the_metrics_key_may_only_look_where_keys_have_roles(
    enterprise: Site, eagle_ford: Composition
) -> None:
    (key,) = compose_broker(enterprise).one("EMQX").spec["bootstrapAPIKeys"]
    assert key["secretRef"]["secret"]["secretKey"] == "secret-with-role"
    assert "bootstrapAPIKeys" not in eagle_ford.one("EMQX").spec


def test_pods_say_their_priority_where_the_site_names_a_class(eagle_ford: Composition) -> None:
    platform = eagle_ford.site.platform.model_copy(update={"priority_class": "field"})
    made = compose(eagle_ford.site.model_copy(update={"platform": platform}))
    pods = [entry.spec["template"]["spec"] for entry in made.of("Deployment")]
    pods += [made.one(kind).spec["template"]["pod"] for kind in ("KafkaBridge", "KafkaConnect")]
    assert len(pods) == 5
    assert all(pod["priorityClassName"] == "field" for pod in pods)
