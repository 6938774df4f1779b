"""The broker's resource asks the operator for a cluster that survives the loss of a zone, and trusts no default."""

import json

import pytest

from components.recording import Composition
from model.broker import Licence
from tests.support.composing import compose_broker
from tests.support.variants import Variants


def test_the_broker_has_the_sites_nodes_and_image(eagle_ford: Composition) -> None:
    spec = eagle_ford.one("EMQX").spec
    assert spec["image"] == "emqx/emqx:5.8.9"
    assert spec["coreTemplate"]["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("version", "api", "former"),
    [("5.8.9", "v2beta1", "v2"), ("5.10.4", "v2", "v2beta1"), ("6.3.1", "v2", "v2beta1")],
)
def test_a_broker_of_another_version_is_the_same_broker(
    variants: Variants, version: str, api: str, former: str
) -> None:
    """Without its former type it would be made again beside itself, and deleted then."""
    (site,) = (site for site in variants("pilot", "enterprise") if site.name == "eagle-ford")
    site = site.model_copy(update={"broker": site.broker.model_copy(update={"version": version})})
    made = compose_broker(site).one("EMQX")
    assert made.type == f"kubernetes:apps.emqx.io/{api}:EMQX"
    assert made.aliases == (f"kubernetes:apps.emqx.io/{former}:EMQX",)


def test_nodes_are_spread_over_zones(composition: Composition) -> None:
    (spread,) = composition.one("EMQX").spec["coreTemplate"]["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "topology.kubernetes.io/zone"
    assert spread["maxSkew"] == 1


def test_maintenance_takes_away_no_more_nodes_than_the_site_allows(composition: Composition) -> None:
    spec = composition.one("EMQX").spec["coreTemplate"]["spec"]
    assert spec["maxUnavailable"] == composition.site.broker.max_unavailable
    budgets = {made.name for made in composition.of("PodDisruptionBudget")}
    assert f"{composition.site.name}-broker" not in budgets, "the operator makes the broker's own"


def test_the_rollout_waits_for_ready_only_as_long_as_the_site_says(composition: Composition) -> None:
    broker = composition.one("EMQX")
    seconds = composition.site.broker.ready_within.seconds
    waited = json.loads(broker.metadata["annotations"]["pulumi.com/waitFor"])
    nodes = composition.site.broker.replicas
    assert waited[:2] == ["condition=Ready", f"jsonpath={{.status.coreNodesStatus.readyReplicas}}={nodes}"]
    assert broker.timeouts.create == broker.timeouts.update == f"{seconds}s"


def test_the_dashboards_first_password_and_the_metrics_key_are_references(composition: Composition) -> None:
    spec = composition.one("EMQX").spec
    variables = spec["coreTemplate"]["spec"].get("env", [])
    references = [variable["valueFrom"]["secretKeyRef"] for variable in variables]
    alone = composition.site.broker.signs_in_people
    assert references == ([] if alone else [{"name": "broker-administrator", "key": "password"}])
    # Where a key has no role it is an administrator's, and there is none but the operator's own.
    assert [sorted(key) for key in spec.get("bootstrapAPIKeys", [])] == ([["secretRef"]] if alone else [])


def test_a_node_that_stops_waits_for_the_load_balancers_and_leaves_emqx_most_of_its_time(
    composition: Composition,
) -> None:
    nodes = composition.one("EMQX").spec["coreTemplate"]["spec"]
    # Kubernetes' own grace is 30 s, and the resource cannot say another.
    assert 0 < nodes["lifecycle"]["preStop"]["sleep"]["seconds"] <= 10
    assert set(nodes["lifecycle"]) == {"preStop"}


def test_the_probes_ask_the_port_that_is_open(composition: Composition) -> None:
    spec = composition.one("EMQX").spec["coreTemplate"]["spec"]
    for probe in ("readinessProbe", "livenessProbe"):
        asked = spec[probe]["httpGet"]
        assert (asked["scheme"], asked["port"]) == ("HTTPS", composition.site.broker.dashboard_port)


def test_the_certificate_is_renewed_before_its_end_and_names_what_clients_call(
    eagle_ford: Composition,
) -> None:
    spec = eagle_ford.one("Certificate", "broker-tls").spec
    assert (spec["duration"], spec["renewBefore"]) == ("720h0m0s", "240h0m0s")
    assert spec["commonName"] == "mqtt.eagle-ford.field.example"
    assert "dashboard.eagle-ford.field.example" in spec["dnsNames"]


def test_every_mounted_volume_exists(composition: Composition) -> None:
    spec = composition.one("EMQX").spec["coreTemplate"]["spec"]
    volumes = {volume["name"] for volume in spec["extraVolumes"]}
    assert {mount["name"] for mount in spec["extraVolumeMounts"]} == volumes


def test_only_the_enterprise_edition_evacuates_nodes(composition: Composition) -> None:
    strategy = composition.one("EMQX").spec["updateStrategy"]
    assert ("evacuationStrategy" in strategy) == (composition.site.broker.edition == "enterprise")


def test_a_promotion_does_not_restart_the_broker(eagle_ford: Composition) -> None:
    site = eagle_ford.site
    pods = [
        compose_broker(site.model_copy(update={"phase": phase})).one("EMQX").spec["coreTemplate"]["metadata"]
        for phase in ("pilot", "cutover")
    ]
    assert pods[0] == pods[1]


# Fields of `apps.emqx.io/v2` (operator 2.3, its `api/v2/emqx_types_spec.go`).
V2_SPEC = {
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "serviceAccountName",
    "bootstrapAPIKeys",
    "config",
    "clusterDomain",
    "revisionHistoryLimit",
    "updateStrategy",
    "coreTemplate",
    "replicantTemplate",
    "dashboardServiceTemplate",
    "listenersServiceTemplate",
}
V2_EVACUATION = {"connEvictRate", "sessEvictRate", "waitTakeover", "waitHealthCheck"}
V2_NODE = {
    "nodeSelector",
    "nodeName",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "replicas",
    "minAvailable",
    "maxUnavailable",
    "command",
    "args",
    "ports",
    "env",
    "envFrom",
    "resources",
    "podSecurityContext",
    "containerSecurityContext",
    "initContainers",
    "extraContainers",
    "extraVolumes",
    "extraVolumeMounts",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "volumeClaimTemplates",
}


def test_the_later_operator_is_told_nothing_that_it_does_not_know(variants: Variants) -> None:
    for site in variants("parallel", "enterprise"):
        changes = {"version": "6.3.1", "licence": Licence(secret="licence", key="emqx.lic")}
        later = site.model_copy(update={"broker": site.broker.model_copy(update=changes)})
        broker = compose_broker(later).one("EMQX")
        assert broker.inputs["apiVersion"] == "apps.emqx.io/v2"
        assert broker.spec.keys() <= V2_SPEC
        assert broker.spec["coreTemplate"]["spec"].keys() <= V2_NODE
        assert broker.spec["updateStrategy"].keys() <= {"type", "initialDelaySeconds", "evacuationStrategy"}
        assert broker.spec["updateStrategy"]["evacuationStrategy"].keys() <= V2_EVACUATION
