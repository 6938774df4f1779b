"""What keeps nothing scales itself where the site says so; then nobody else states its number."""

import pytest

from components.recording import Composition
from components.requirements import needed_apis
from model.rules import Finding
from model.rules import scaling as rules
from model.scaling import Autoscaling
from model.site import Site
from model.units import Percentage
from tests.support.composing import compose
from tests.support.variants import EDITIONS, Variants


@pytest.fixture
def scaling(eagle_ford: Composition) -> Site:
    wanted = Autoscaling(maximum=6, cpu=Percentage.parse("70%"))
    policy = eagle_ford.site.policy.model_copy(update={"autoscaling": wanted})
    return eagle_ford.site.model_copy(update={"policy": policy})


def test_the_deployment_leaves_its_number_to_the_autoscaler(scaling: Site) -> None:
    composition = compose(scaling)
    assert "replicas" not in composition.one("Deployment", "opa").spec
    spec = composition.one("HorizontalPodAutoscaler").spec
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "opa"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (scaling.policy.replicas, 6)
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


def test_it_is_by_a_request_that_use_is_measured(scaling: Site, eagle_ford: Composition) -> None:
    """Where nothing scales a server asks for little; 70 % of that would be too much at a few decisions a second."""

    def asked(composition: Composition) -> str:
        (container,) = composition.one("Deployment", "opa").spec["template"]["spec"]["containers"]
        return str(container["resources"]["requests"]["cpu"])

    assert (asked(eagle_ford), asked(compose(scaling))) == ("50m", "500m")


def test_preflight_asks_for_the_autoscalers_api_only_then(scaling: Site, eagle_ford: Composition) -> None:
    kinds = {api.kind for api in needed_apis(scaling)} - {api.kind for api in needed_apis(eagle_ford.site)}
    assert kinds == {"HorizontalPodAutoscaler"}


def test_the_broker_is_never_the_target(scaling: Site, composition: Composition) -> None:
    for made in (*compose(scaling).of("HorizontalPodAutoscaler"), *composition.of("HorizontalPodAutoscaler")):
        assert made.spec["scaleTargetRef"]["kind"] in {"Deployment", "KafkaBridge"}


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(
    ("name", "neighbours"),
    [
        ("baytown", {"opa": (3, 8), "kafka": (14, 24), "dashboard-proxy": (2, 4)}),
        ("north-cormorant", {"opa": (2, 4), "kafka": (6, 8), "dashboard-proxy": (2, 4)}),
        ("eagle-ford", {}),
    ],
)
def test_neighbours_scale_in_both_editions(
    variants: Variants, name: str, edition: str, neighbours: dict[str, tuple[int, int]]
) -> None:
    """The enterprise edition writes Kafka itself: it has no bridge."""
    (site,) = (found for found in variants("pilot", edition) if found.name == name)
    made = {
        scaler.spec["scaleTargetRef"]["name"]: scaler.spec
        for scaler in compose(site).of("HorizontalPodAutoscaler")
    }
    expected = (
        neighbours if edition == "opensource" else {k: v for k, v in neighbours.items() if k != "kafka"}
    )
    assert {key: (spec["minReplicas"], spec["maxReplicas"]) for key, spec in made.items()} == expected


def test_there_must_be_room_to_scale(scaling: Site) -> None:
    assert _found(scaling) == []
    narrow = scaling.policy.model_copy(update={"replicas": 6})
    (finding,) = _found(scaling.model_copy(update={"policy": narrow}))
    assert finding.key == ("policy", "autoscaling", "maximum")


def test_the_rule_is_the_same_for_bridges_and_proxies(scaling: Site) -> None:
    wanted = Autoscaling(maximum=2, cpu=Percentage.parse("0%"))
    bridge = scaling.streams.bridge.model_copy(update={"replicas": 4, "autoscaling": wanted})
    dashboard = scaling.identity.dashboard
    proxy = dashboard.proxy.model_copy(update={"replicas": 2, "autoscaling": wanted})
    changes = {
        "streams": scaling.streams.model_copy(update={"bridge": bridge}),
        "identity": scaling.identity.model_copy(
            update={"dashboard": dashboard.model_copy(update={"proxy": proxy})}
        ),
    }
    keys = [finding.key for finding in _found(scaling.model_copy(update=changes))]
    assert keys == [
        (*place, "autoscaling", field)
        for place in (("streams", "bridge"), ("identity", "dashboard", "proxy"))
        for field in ("maximum", "cpu")
    ]


def _found(site: Site) -> list[Finding]:
    return [finding for rule in rules.RULES for finding in rule.find(site)]
