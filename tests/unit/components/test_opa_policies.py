"""The policy server is deployed with what it needs and nothing more, and its bundle is the site's own."""

import json
from typing import Any

from components.opa_policies import bundle_digest, site_data
from components.recording import Composition
from model import Site
from model.policy import TopicRule
from tests.support.composing import compose


def test_policies_and_data_are_found_by_the_labels_of_kube_mgmt(composition: Composition) -> None:
    policy, data = composition.one("ConfigMap", "opa-policy"), composition.one("ConfigMap", "opa-data")
    assert policy.metadata["labels"]["openpolicyagent.org/policy"] == "rego"
    assert data.metadata["labels"]["openpolicyagent.org/data"] == "opa"


def test_the_servers_own_authorization_is_no_part_of_the_shared_bundle(composition: Composition) -> None:
    labels = composition.one("ConfigMap", "opa-authorization").metadata["labels"]
    assert not [label for label in labels if label.startswith("openpolicyagent.org/")]


def test_the_bundle_holds_no_tests(composition: Composition) -> None:
    names = set(composition.one("ConfigMap", "opa-policy").inputs["data"])
    assert names == {"decision.rego", "identities.rego", "login.rego", "topics.rego"}


def test_the_data_is_the_same_for_the_same_site(eagle_ford: Composition) -> None:
    copied = Site.model_validate(eagle_ford.site.model_dump())
    assert site_data(copied) == site_data(eagle_ford.site)


def test_the_data_names_the_client_itself_as_the_broker_does(eagle_ford: Composition) -> None:
    rules = json.loads(site_data(eagle_ford.site))["sites"]["eagle-ford"]["rules"]
    own = next(rule for rule in rules if rule["name"] == "devices-publish")
    assert own == {
        "name": "devices-publish",
        "who": {"class": "device"},
        "actions": ["publish"],
        "topics": ["eagle-ford/${username}/#"],
    }


def who_of(site: Site, who: str) -> dict[str, Any]:
    rule = TopicRule(name="bridges", who=who, actions=("publish",), topics=("{site}/b",))
    document = json.loads(site_data(_with_rules(site, rule)))
    found: dict[str, Any] = document["sites"][site.name]["rules"][0]["who"]
    return found


def test_a_pattern_of_whole_common_names_is_kept_as_it_is(eagle_ford: Composition) -> None:
    who = "bridge-*.services.x.example"
    assert who_of(eagle_ford.site, who) == {"common_names": [who]}


def test_a_pattern_of_names_means_gateways_and_services_of_this_site_and_no_device(
    eagle_ford: Composition,
) -> None:
    assert who_of(eagle_ford.site, "bridge-*") == {
        "common_names": [
            "bridge-*.gateways.eagle-ford.field.example",
            "bridge-*.services.eagle-ford.field.example",
        ]
    }


def test_a_rule_can_be_for_those_with_a_token(eagle_ford: Composition) -> None:
    assert who_of(eagle_ford.site, "user") == {"class": "user"}


def test_a_changed_rule_rolls_the_servers(eagle_ford: Composition) -> None:
    site = eagle_ford.site
    changed = _with_rules(site, *site.policy.rules[1:])
    assert bundle_digest(changed) != bundle_digest(site)
    deployment = compose(changed).one("Deployment", "opa")
    annotations = deployment.spec["template"]["metadata"]["annotations"]
    assert annotations["iot-broker/bundle"] == bundle_digest(changed)


def test_the_servers_run_without_any_privilege(composition: Composition) -> None:
    pod = composition.one("Deployment", "opa").spec["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_kubelet_asks_for_health_over_tls(composition: Composition) -> None:
    (container,) = composition.one("Deployment", "opa").spec["template"]["spec"]["containers"]
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "https", "scheme": "HTTPS"}


def test_one_server_stays_when_a_node_is_drained(composition: Composition) -> None:
    budget = composition.one("PodDisruptionBudget", "opa")
    deployment = composition.one("Deployment", "opa")
    scalers = {
        made.spec["scaleTargetRef"]["name"]: made for made in composition.of("HorizontalPodAutoscaler")
    }
    fewest = scalers["opa"].spec["minReplicas"] if "opa" in scalers else deployment.spec["replicas"]
    assert budget.spec["maxUnavailable"] == 1
    assert fewest == composition.site.policy.replicas > 1
    assert budget.spec["selector"] == deployment.spec["selector"]


def test_the_certificate_is_for_the_name_that_the_broker_calls(eagle_ford: Composition) -> None:
    certificate = eagle_ford.one("Certificate", "opa-tls")
    assert certificate.spec["dnsNames"] == ["opa.iot-eagle-ford.svc"]
    assert certificate.spec["secretName"] == "opa-tls"


def _with_rules(site: Site, *rules: TopicRule) -> Site:
    return site.model_copy(update={"policy": site.policy.model_copy(update={"rules": rules})})
