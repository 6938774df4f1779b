"""Changes to a site that runs: none, wanted ones, and ones that somebody made behind Pulumi's back."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from components import names
from components.kafka_topics import topic_name
from model import Site
from tests.lab.test_1_site_is_deployed import kafka_settings
from tests.support import servers
from tests.support.shell import Shell, Step


@pytest.fixture
def site_file(stacks: Path, site: Site) -> Iterator[Path]:
    """The site's file in the copied program; put back afterwards."""
    file = stacks / "sites" / f"{site.name}.yaml"
    kept = file.read_text()
    yield file
    file.write_text(kept)


def test_second_up_changes_nothing(deployed: Shell, site: Site) -> None:
    assert deployed.preview(site.name) == []
    again = deployed.up(site.name)
    assert re.search(r"Resources:\s+\d+ unchanged", again.text), again.text


def test_an_edit_shows_exactly_that_in_the_preview_and_arrives(
    deployed: Shell, kafka: AdminClient, site: Site, site_file: Path
) -> None:
    text = site_file.read_text()
    edited = text.replace("broker:\n", f"broker:\n  replicas: {site.broker.replicas + 2}\n", 1)
    longer = "streams:\n  topics:\n    - name: raw\n      retention: 20d\n"
    edited = edited.replace("streams:\n", longer, 1)
    site_file.write_text(edited)
    changed = deployed.preview(site.name)
    assert {(step.operation, step.type_token.rsplit(":", 1)[-1]) for step in changed} == {
        ("update", "EMQX"),
        ("update", "KafkaTopic"),
        # Each node has connections to the bridges, for which they need memory: more nodes, more bridges.
        ("update", "KafkaBridge"),
        # The alert for a lost node knows how many there should be.
        ("update", "PrometheusRule"),
        # And so does the dashboard.
        ("update", "ConfigMap"),
        # The changed broker is asked anew whether it lets in whom it should.
        ("replace", "Job"),
    }
    by_kind = {step.type_token.rsplit(":", 1)[-1]: step for step in changed}
    # What one node takes of a client depends on how many nodes there are.
    assert by_kind["EMQX"].properties == {
        "spec.coreTemplate.spec.replicas",
        "spec.config.data",
        # How many there must be before it is deployed.
        'metadata.annotations["pulumi.com/waitFor"]',
    }
    assert by_kind["KafkaTopic"].properties == {'spec.config["retention.ms"]'}
    deployed.up(site.name)
    broker = deployed.get("emqx", names.BROKER, site.namespace)
    assert broker["spec"]["coreTemplate"]["spec"]["replicas"] == site.broker.replicas + 2
    settings = kafka_settings(kafka, topic_name(site, "raw"))
    assert int(settings["retention.ms"]) == 20 * 86_400_000
    site_file.write_text(text)
    deployed.up(site.name)
    settings = kafka_settings(kafka, topic_name(site, "raw"))
    assert int(settings["retention.ms"]) == site.streams.replay.milliseconds


def test_nodes_that_find_no_room_are_counted_and_fail_the_rollout_in_time(
    deployed: Shell, site: Site, site_file: Path
) -> None:
    """The condition Ready is still true of the nodes that were there before."""
    text, wanted = site_file.read_text(), site.broker.replicas + 2
    more = f"broker:\n  replicas: {wanted}\n  ready_within: 30s\n"
    site_file.write_text(text.replace("broker:\n", more, 1))
    nodes = [node["metadata"]["name"] for node in deployed.all("nodes")]
    deployed.kubectl("cordon", *nodes)
    try:
        began = time.monotonic()
        refused = deployed.up(site.name, check=False)
        took = time.monotonic() - began
    finally:
        deployed.kubectl("uncordon", *nodes)
        site_file.write_text(text)
    assert refused.code != 0
    assert "not ready within 30 s" in refused.text
    found = f'.coreNodesStatus.readyReplicas}}={wanted} is not so yet (found "{site.broker.replicas}")'
    assert found in refused.text, refused.text
    # What else `up` does beside comes to the 30 seconds; without a deadline that holds it was minutes.
    assert took < 75
    deployed.up(site.name)
    assert deployed.preview(site.name) == []


def test_a_grown_peak_asks_for_partitions_and_leaves_the_topic_as_it_was_made(
    deployed: Shell, kafka: AdminClient, site: Site, site_file: Path
) -> None:
    text, topic = site_file.read_text(), topic_name(site, "sparkplug")
    made = len(kafka.list_topics(topic, timeout=10).topics[topic].partitions)
    site_file.write_text(text.replace("broker:\n", "broker:\n  load:\n    messages: 20000/s\n", 1))
    topics = [step for step in deployed.preview(site.name) if kind(step) == "KafkaTopic"]
    assert {step.operation for step in topics} == {"update"}
    changed = {name for step in topics for name in step.properties}
    assert changed == {'metadata.annotations["iot-broker/partitions-asked"]'}
    deployed.up(site.name)
    assert len(kafka.list_topics(topic, timeout=10).topics[topic].partitions) == made
    site_file.write_text(text)
    deployed.up(site.name)
    assert deployed.preview(site.name) == []


def test_refresh_finds_what_was_deleted_and_up_puts_it_back(deployed: Shell, site: Site) -> None:
    deployed.kubectl("delete", "service", names.POLICY_SERVER, f"--namespace={site.namespace}")
    vault = servers.vault(deployed)
    assert vault.ask("DELETE", f"/pki-{site.name}-issuing/roles/device").status == 204
    admin = servers.keycloak(deployed)
    assert admin.ask("DELETE", f"/{site.name}/roles/auditor").status == 204
    deployed.pulumi("refresh", "--yes", "--skip-preview", "--stack", site.name)
    lost = {kind(step) for step in deployed.preview(site.name) if step.operation == "create"}
    assert lost >= {"Service", "SecretBackendRole", "Role"}
    deployed.up(site.name)
    assert deployed.exists("service", names.POLICY_SERVER, site.namespace)
    assert vault.get(f"/pki-{site.name}-issuing/roles/device")
    assert admin.get(f"/{site.name}/roles/auditor")
    assert deployed.preview(site.name) == []


def test_refresh_finds_what_was_edited_and_up_puts_it_right(deployed: Shell, site: Site) -> None:
    patch = '{"spec":{"coreTemplate":{"spec":{"replicas":1}}}}'
    deployed.kubectl(
        "patch", "emqx", names.BROKER, f"--namespace={site.namespace}", "--type=merge", f"--patch={patch}"
    )
    vault = servers.vault(deployed)
    role = vault.get(f"/pki-{site.name}-issuing/roles/device")["data"]
    assert (
        vault.ask("POST", f"/pki-{site.name}-issuing/roles/device", role | {"max_ttl": 99_999_999}).status
        == 200
    )
    admin = servers.keycloak(deployed)
    assert admin.ask("PUT", f"/{site.name}", {"accessTokenLifespan": 86_400}).status == 204
    deployed.pulumi("refresh", "--yes", "--skip-preview", "--stack", site.name)
    drifted = {kind(step) for step in deployed.preview(site.name)}
    assert drifted == {"EMQX", "SecretBackendRole", "Realm"}
    deployed.up(site.name)
    broker = deployed.get("emqx", names.BROKER, site.namespace)
    assert broker["spec"]["coreTemplate"]["spec"]["replicas"] == site.broker.replicas
    role = vault.get(f"/pki-{site.name}-issuing/roles/device")["data"]
    assert role["max_ttl"] == site.pki.device_certificates.maximum.seconds
    assert admin.get(f"/{site.name}")["accessTokenLifespan"] == site.identity.sessions.access_token.seconds
    assert deployed.preview(site.name) == []


def test_policy_servers_scale_themselves_where_the_site_says_so(
    deployed: Shell, site: Site, site_file: Path
) -> None:
    text = site_file.read_text()
    scaling = "policy:\n  autoscaling:\n    maximum: 4\n    cpu: 70%\n"
    site_file.write_text(text.replace("policy:\n", scaling, 1))
    assert {(step.operation, kind(step)) for step in deployed.preview(site.name)} == {
        ("create", "HorizontalPodAutoscaler"),
        # The autoscaler's field now, and no longer the kit's.
        ("update", "Deployment"),
    }
    deployed.up(site.name)
    scaler = deployed.get("horizontalpodautoscaler", names.POLICY_SERVER, site.namespace)
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (site.policy.replicas, 4)
    assert deployed.preview(site.name) == []
    site_file.write_text(text)
    deployed.up(site.name)
    assert not deployed.exists("horizontalpodautoscaler", names.POLICY_SERVER, site.namespace)
    server = deployed.get("deployment", names.POLICY_SERVER, site.namespace)
    assert server["spec"]["replicas"] == site.policy.replicas


def test_what_somebody_made_by_hand_is_imported_and_up_takes_it_away(deployed: Shell, site: Site) -> None:
    deployed.kubectl(
        "create", "configmap", "made-by-hand", f"--namespace={site.namespace}", "--from-literal=key=value"
    )
    provider = next(
        entry["urn"] for entry in deployed.state(site.name) if entry["type"] == "pulumi:providers:kubernetes"
    )
    deployed.pulumi(
        *("import", "kubernetes:core/v1:ConfigMap", "made-by-hand", f"{site.namespace}/made-by-hand"),
        *("--provider", f"kubernetes-provider={provider}", "--generate-code=false", "--protect=false"),
        *("--yes", "--skip-preview", "--stack", site.name),
    )
    (imported,) = (entry for entry in deployed.state(site.name) if entry["urn"].endswith("made-by-hand"))
    assert imported["inputs"]["data"] == {"key": "value"}
    # The program does not know it, so it goes, and nothing else changes.
    assert [(step.operation, kind(step)) for step in deployed.preview(site.name)] == [("delete", "ConfigMap")]
    deployed.up(site.name)
    assert not deployed.exists("configmap", "made-by-hand", site.namespace)


def test_what_kafka_refuses_fails_the_rollout_in_kafkas_words(
    deployed: Shell, site: Site, site_file: Path
) -> None:
    """Kafka cannot take partitions away from a topic."""
    text = site_file.read_text()
    fewer = "streams:\n  topics:\n    - name: audit\n      partitions: 1\n  ready_within: 15s\n"
    site_file.write_text(text.replace("streams:\n", fewer, 1))
    refused = deployed.up(site.name, check=False)
    assert refused.code != 0
    assert "partition" in refused.text.lower()
    assert "Traceback" not in refused.text
    site_file.write_text(text)
    deployed.up(site.name)
    assert deployed.preview(site.name) == []


BROKEN = """
name: eagle-ford
title: Eagle Ford
kind: onshore-field
phase: pilot
region: us-south-central
domain: eagle-ford.field.example
assets:
  - name: pad-kenedy-12
    title: One
  - name: pad-kenedy-14
    title: Two
scope: [pad-kenedy-12]
broker:
  edition: opensource
  version: 5.9.0
  replicass: 3
  image:
    repository: emqx/emqx
  cores: many
pki: {}
"""


def test_a_broken_site_file_stops_before_anything_is_touched(
    deployed: Shell, site: Site, site_file: Path
) -> None:
    before = deployed.state(site.name)
    site_file.write_text(BROKEN)
    for command in ("preview", "up"):
        arguments = ("--yes", "--skip-preview") if command == "up" else ()
        refused = deployed.pulumi(command, *arguments, "--stack", site.name, check=False)
        assert refused.code != 0
        assert "Traceback" not in refused.text
        for fact in (
            f"{site.name}.yaml:17",
            "broker.replicass",
            "did you mean",
            "broker.cores",
            "many",
            "broker.version",
            "5.8.9",
            "pki.organization",
        ):
            assert fact in refused.text, f"{fact!r} is missing in:\n{refused.text}"
    checked = deployed.run("sitectl", "validate", site.name, check=False)
    assert checked.code == 1
    assert "broker.replicass" in checked.text
    assert deployed.state(site.name) == before


def kind(step: Step) -> str:
    """Return the last part of a step's type token."""
    return step.type_token.rsplit(":", 1)[-1].rsplit("/", 1)[-1]
