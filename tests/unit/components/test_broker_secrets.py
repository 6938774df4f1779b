"""Where the platform runs External Secrets, the broker's Secrets come from Vault, by name alone."""

import re

import pytest

from components.broker_secrets import broker_slots
from components.recording import Composition
from components.requirements import needed_apis
from model import load_site
from model.platform import ExternalSecrets
from model.site import Site
from model.units import Duration
from tests.support.composing import compose, compose_bootstrap
from tests.support.variants import STACKS, Variants


@pytest.fixture
def site(eagle_ford: Composition) -> Site:
    """The sample site that has External Secrets."""
    assert eagle_ford.site.platform.external_secrets is not None
    return eagle_ford.site


def bringing(site: Site) -> Site:
    wanted = ExternalSecrets(store="vault", path="iot", refresh=Duration(3600))
    platform = site.platform.model_copy(update={"external_secrets": wanted})
    return site.model_copy(update={"platform": platform})


def making_its_own(site: Site) -> Site:
    platform = site.platform.model_copy(update={"external_secrets": None})
    return site.model_copy(update={"platform": platform})


def test_each_secret_that_the_broker_reads_is_brought(site: Site) -> None:
    composition = compose(site)
    brought = {
        (made.spec["target"]["name"], entry["secretKey"])
        for made in composition.of("ExternalSecret")
        for entry in made.spec["data"]
    }
    spec = composition.one("EMQX").spec
    references = [variable["valueFrom"]["secretKeyRef"] for variable in spec["coreTemplate"]["spec"]["env"]]
    read = {(reference["name"], reference["key"]) for reference in references}
    for key in spec.get("bootstrapAPIKeys", []):
        read |= {(part["secretName"], part["secretKey"]) for part in key["secretRef"].values()}
    # As the same Secret, or what another namespace has of it.
    bridge = composition.one("KafkaBridge").spec
    password = bridge["authentication"]["passwordSecret"]
    read.add((password["secretName"], password["password"]))
    read |= {(entry["secretName"], entry["certificate"]) for entry in bridge["tls"]["trustedCertificates"]}
    for user in composition.of("KafkaUser"):
        if "password" in user.spec["authentication"]:
            reference = user.spec["authentication"]["password"]["valueFrom"]["secretKeyRef"]
            read.add((reference["name"], reference["key"]))
    read |= _read_by_sinks(composition)
    (proxy,) = composition.one("Deployment", "dashboard-proxy").spec["template"]["spec"]["containers"]
    for variable in proxy["env"]:
        if "valueFrom" in variable:
            reference = variable["valueFrom"]["secretKeyRef"]
            read.add((reference["name"], reference["key"]))
    # This one Keycloak makes, and the stack hands on.
    assert brought == read - {("dashboard-login", "client-secret")}


def test_the_licence_is_brought_as_the_other_secrets_are(variants: Variants) -> None:
    (later,) = (site for site in variants("pilot") if site.name == "north-cormorant")
    composition = compose(bringing(later))
    (licence,) = composition.one("ExternalSecret", "broker-licence").spec["data"]
    assert licence["remoteRef"] == {"key": "iot/north-cormorant/broker-licence", "property": "emqx.lic"}
    nodes = composition.one("EMQX").spec["coreTemplate"]["spec"]
    mounted = {volume["name"]: volume for volume in nodes["extraVolumes"]}
    assert mounted["licence"]["secret"]["secretName"] == "broker-licence"
    policy = (
        compose_bootstrap(composition.site).one("Policy", "iot-north-cormorant-read-secrets").inputs["policy"]
    )
    assert 'path "iot/data/north-cormorant/broker-licence"' in policy


def _read_by_sinks(composition: Composition) -> set[tuple[str, str]]:
    """Return each Secret's name and key that the workers are given, and those that connectors name in their files."""
    workers = composition.one("KafkaConnect").spec
    password = workers["authentication"]["passwordSecret"]
    read = {(password["secretName"], password["password"])}
    read |= {(entry["secretName"], entry["certificate"]) for entry in workers["tls"]["trustedCertificates"]}
    volumes = {
        entry["name"]: entry["secret"]["secretName"] for entry in workers["template"]["pod"]["volumes"]
    }
    mounts = {
        entry["mountPath"]: volumes[entry["name"]]
        for entry in workers["template"]["connectContainer"]["volumeMounts"]
    }
    for connector in composition.of("KafkaConnector"):
        for value in connector.spec["config"].values():
            for path, key in re.findall(r"\$\{directory:([^:}]+):([^}]+)\}", value):
                read.add((mounts[path], key))
            for path, secret in mounts.items():
                read |= {(secret, key) for key in re.findall(rf"{path}/([a-z.-]+)(?:&|$)", value)}
    # TimescaleDB's sink has no Kafka client of its own; the authority is there for one that has.
    return read | {(secret, "kafka-ca.crt") for secret in mounts.values()}


def test_the_brokers_kafka_password_is_the_same_slot_at_both_ends(site: Site) -> None:
    composition = compose(site)
    ours = composition.one("ExternalSecret", "broker-kafka")
    theirs = composition.one("ExternalSecret", "eagle-ford-broker-password")
    assert theirs.metadata["namespace"] == "kafka"
    (password,) = theirs.spec["data"]
    assert password in ours.spec["data"]


def test_a_secret_is_named_by_site_and_never_written(site: Site) -> None:
    (password,) = compose(site).one("ExternalSecret", "broker-administrator").spec["data"]
    assert password["remoteRef"] == {"key": "iot/eagle-ford/broker-administrator", "property": "password"}
    written = {made.metadata["name"] for made in compose(site).of("Secret")}
    assert written == {"dashboard-login", "gateway-login-runge-satellite"}


def test_the_broker_waits_for_its_secrets(site: Site) -> None:
    composition = compose(site)
    secrets = {made.urn for made in composition.of("ExternalSecret")}
    own = {made.urn for made in composition.of("ExternalSecret") if made.metadata["namespace"] != "kafka"}
    sinks = {urn for urn in own if "StreamSinks" in urn}
    assert own
    assert sinks
    assert own - sinks <= set(composition.one("EMQX").depends_on)
    assert sinks <= set(composition.one("KafkaConnect").depends_on)
    users = [made for made in composition.of("KafkaUser") if "password" in made.spec["authentication"]]
    # The broker's own, the workers', and each sink's.
    assert len(users) == 2 + len(site.streams.sinks)
    assert secrets - own <= {urn for user in users for urn in user.depends_on}


@pytest.mark.parametrize("name", ["eagle-ford", "north-cormorant"])
def test_the_broker_waits_for_secrets_that_the_site_makes_itself(name: str) -> None:
    """Kubernetes starts a pod only when each key that it mounts is there; Pulumi waits for the Job."""
    composition = compose(making_its_own(load_site(STACKS, name)))
    job = composition.one("Job", f"{composition.site.name}-broker-secrets")
    assert job.urn in composition.one("EMQX").depends_on
    pod = job.spec["template"]["spec"]
    mounted = {
        volume["secret"]["secretName"]: tuple(entry["key"] for entry in volume["secret"]["items"])
        for volume in pod["volumes"]
    }
    assert mounted == broker_slots(composition.site)
    assert not any(volume["secret"].get("optional") for volume in pod["volumes"])
    # Whoever comes late finds it still waiting.
    assert "activeDeadlineSeconds" not in job.spec
    assert "pulumi.com/skipAwait" not in job.metadata["annotations"]


def test_no_job_waits_where_external_secrets_does(site: Site) -> None:
    jobs = {made.name for made in compose(site).of("Job")}
    assert jobs == {"eagle-ford-broker-probe", "eagle-ford-broker-configuration"}


def test_preflight_asks_for_the_api_only_then(site: Site) -> None:
    own = making_its_own(site)
    asked = {(api.kind, api.namespace) for api in needed_apis(site)}
    # In the site's namespace, and for the passwords of Kafka's users in Kafka's.
    assert asked - {(api.kind, api.namespace) for api in needed_apis(own)} == {
        ("ExternalSecret", None),
        ("ExternalSecret", "kafka"),
    }
    assert compose(own).of("ExternalSecret") == []


def test_whoever_brings_the_secrets_may_read_exactly_these(site: Site) -> None:
    policy = compose_bootstrap(site).one("Policy", "iot-eagle-ford-read-secrets").inputs["policy"]
    brought = {
        entry["remoteRef"]["key"].replace("iot/", "iot/data/", 1)
        for made in compose(site).of("ExternalSecret")
        for entry in made.spec["data"]
    }
    read = set(re.findall(r'path "([^"]+)"', policy))
    # The link to the incumbent comes with a later phase.
    assert read == brought | {"iot/data/eagle-ford/incumbent-bridge"}
    assert set(re.findall(r'"(read|list|create|update|delete)"', policy)) == {"read"}
    names = {made.inputs["name"] for made in compose(making_its_own(site)).of("Policy")}
    assert "iot-eagle-ford-read-secrets" not in names
