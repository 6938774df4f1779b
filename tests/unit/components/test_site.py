"""Every sample site is composed by the house's rules: labels, providers, parents, protection, no secrets."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from components import names
from components.recording import Composition
from components.recording import compose as compose_anew
from lab.plugins.values import SIGNATURE
from tests.support.composing import compose

LABELS = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/managed-by",
    "iot-broker/site",
}
PROTECTED_KINDS = {
    # Before all others, and dependent on them: components/safeguard.py.
    "Stash",
    "Mount",
    "SecretBackendRootCert",
    "SecretBackendIntermediateCertRequest",
    "SecretBackendRootSignIntermediate",
    "SecretBackendIntermediateSetSigned",
    "Realm",
    "KafkaTopic",
    "EMQX",
}


def test_no_two_resources_share_a_name(composition: Composition) -> None:
    repeated = [
        urn for urn, count in Counter(made.urn for made in composition.resources).items() if count > 1
    ]
    assert repeated == []


def test_every_resource_has_an_explicit_provider(composition: Composition) -> None:
    providers = {f"{provider.urn}::" for provider in composition.providers}
    strangers = [
        made.name
        for made in composition.objects
        if not any(made.provider.startswith(provider) for provider in providers)
    ]
    assert strangers == []


def test_a_job_goes_before_the_next_is_made(composition: Composition) -> None:
    """So that an `up` which fails elsewhere leaves no Job in the way back to what was deployed before."""
    assert [made.name for made in composition.of("Job") if not made.deleted_first] == []
    # Nothing else goes first: what has one name is updated where it stands.
    assert {made.kind for made in composition.resources if made.deleted_first} == {"Job"}


def test_every_resource_belongs_to_a_component(composition: Composition) -> None:
    components = {component.urn for component in composition.components}
    orphans = [made.name for made in composition.objects if made.parent not in components]
    assert orphans == []


def test_every_component_has_our_type(composition: Composition) -> None:
    assert {component.type for component in composition.components} >= {
        "iot-broker:site:IotSite",
        "iot-broker:broker:EmqxCluster",
        "iot-broker:pki:VaultPki",
        "iot-broker:identity:KeycloakRealm",
        "iot-broker:streams:KafkaTopics",
        "iot-broker:policy:OpaPolicies",
        "iot-broker:measurement:PrometheusRules",
        "iot-broker:network:NetworkSegmentation",
    }


def test_everything_in_kubernetes_has_the_recommended_labels_and_the_site(composition: Composition) -> None:
    for made in composition.manifests:
        labels = made.metadata["labels"]
        assert labels.keys() >= LABELS, made.name
        assert labels["iot-broker/site"] == composition.site.name


def test_the_namespace_alone_says_the_phase(composition: Composition) -> None:
    """What else carried it would change with the phase, and do nothing else."""
    said = [made for made in composition.manifests if "iot-broker/phase" in json.dumps(made.inputs)]
    assert [made.kind for made in said] == ["Namespace"]
    assert said[0].metadata["labels"]["iot-broker/phase"] == composition.site.phase


def test_everything_in_kubernetes_is_in_the_sites_namespace_or_kafkas(composition: Composition) -> None:
    site = composition.site
    elsewhere = {
        made.name
        for made in composition.manifests
        if made.metadata.get("namespace") not in (site.namespace, site.streams.cluster.namespace)
    }
    assert elsewhere == {f"{site.name}-namespace", f"{site.name}-token-review"}


def test_only_topics_and_users_are_in_kafkas_namespace(composition: Composition) -> None:
    namespace = composition.site.streams.cluster.namespace
    kinds = {made.kind for made in composition.manifests if made.metadata.get("namespace") == namespace}
    # Where Vault has the users' passwords they come there too: a KafkaUser reads its own namespace alone.
    brought = {"ExternalSecret"} if composition.site.platform.external_secrets else set()
    assert kinds == {"KafkaTopic", "KafkaUser"} | brought


def test_the_namespace_runs_no_privileged_pod(composition: Composition) -> None:
    labels = composition.one("Namespace").metadata["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("protect", [True, False])
def test_authorities_realm_topics_and_broker_are_protected_when_the_site_says_so(
    eagle_ford: Composition, protect: bool
) -> None:
    composition = compose(eagle_ford.site.model_copy(update={"protect": protect}))
    protected = {made.kind for made in composition.resources if made.protect}
    assert protected == (PROTECTED_KINDS if protect else set())


def test_the_sample_sites_are_not_protected(composition: Composition) -> None:
    assert composition.site.protect is False


def test_no_manifest_holds_a_secret(composition: Composition) -> None:
    """What Keycloak makes stays in the state as ciphertext: the Secrets that hand it on are marked as such."""
    logins = composition.of("Secret")
    gateways = {names.gateway_login(gateway.name) for gateway in composition.site.identity.gateways}
    assert {made.metadata["name"] for made in logins} == {"dashboard-login"} | gateways
    assert all(SIGNATURE in made.inputs["data"] for made in logins)
    text = json.dumps([made.inputs for made in composition.manifests if made not in logins], default=str)
    assert "made-by-keycloak" not in text
    assert base64.b64encode(b"made-by-keycloak").decode() not in text
    assert "PRIVATE KEY" not in text


def test_no_provider_is_given_a_credential(composition: Composition) -> None:
    names = {key for provider in composition.providers for key in provider.inputs}
    assert not names & {"token", "password", "username", "clientId", "clientSecret", "authLogin"}


def test_a_plan_does_not_depend_on_where_the_login_to_the_cluster_lies(
    eagle_ford: Composition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/a-reviewer/kubeconfig")
    made = compose_anew(eagle_ford.site)
    (provider,) = (entry for entry in made.providers if entry.type == "pulumi:providers:kubernetes")
    assert provider.inputs["kubeconfig"] == ""


def test_the_outputs_say_what_exists(eagle_ford: Composition) -> None:
    outputs = eagle_ford.outputs
    assert outputs["brokerEndpoints"] == {
        "mqtts": "mqtts://mqtt.eagle-ford.field.example:8883",
        "wss": "wss://mqtt.eagle-ford.field.example:8084/mqtt",
        "gateway": "mqtts://mqtt.eagle-ford.field.example:8885",
        "dashboard": "https://dashboard.eagle-ford.field.example:18084",
    }
    assert outputs["realm"] == {
        "name": "eagle-ford",
        "issuer": "https://keycloak.example:8443/realms/eagle-ford",
    }
    assert outputs["certificateAuthorities"]["issuing"]["mount"] == "pki-eagle-ford-issuing"
    assert outputs["topics"][0] == "eagle-ford.raw"
    assert outputs["namespace"] == "iot-eagle-ford"


def test_the_outputs_hold_no_secret(composition: Composition) -> None:
    assert "made-by-keycloak" not in json.dumps(composition.outputs)


def test_no_service_and_no_listener_is_plain(composition: Composition) -> None:
    # The API of Kafka Connect's workers is plain: Strimzi and the workers alone reach it.
    made = [entry for entry in composition.manifests if entry.metadata["name"] != "sinks"]
    open_ports = {port for entry in made for port in _ports(entry.inputs)}
    assert not open_ports & {1883, 8083, 8080, 18083, 9092}


def _ports(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("port", "containerPort", "targetPort") and isinstance(inner, int | float):
                yield int(inner)
            yield from _ports(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _ports(inner)


def test_a_service_is_made_after_its_pods(composition: Composition) -> None:
    """Pulumi waits ten minutes for a Service without pods: made before them, it holds up an `up` that fails."""
    services = composition.of("Service")
    assert services
    for service in services:
        assert composition.one("Deployment", service.metadata["name"]).urn in service.depends_on
