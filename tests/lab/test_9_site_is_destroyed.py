"""The end of a site: a protected one refuses, another leaves nothing on any server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from components.kafka_topics import topic_name
from lab.estate import Estate
from model import Site
from tests.support import servers
from tests.support.shell import Shell


@pytest.fixture(scope="module")
def protected(deployed: Shell, site: Site, stacks: Path) -> Iterator[Shell]:
    """The deployed site while it is protected."""
    file = stacks / "sites" / f"{site.name}.yaml"
    text = file.read_text()
    file.write_text(text.replace("protect: false", "protect: true"))
    deployed.up(site.name)
    yield deployed
    file.write_text(text)


@pytest.mark.parametrize("how", [(), ("--skip-preview",), ("--skip-preview", "--exclude-protected")])
def test_a_protected_site_refuses_to_go(protected: Shell, site: Site, how: tuple[str, ...]) -> None:
    before = protected.state(site.name)
    refused = protected.pulumi("destroy", "--yes", *how, "--stack", site.name, check=False)
    assert "protect" in refused.text
    assert protected.state(site.name) == before
    # Read by a refresh: nothing was taken away on a server either.
    assert protected.preview(site.name, "--refresh") == []


def test_its_bootstrap_refuses_too(protected: Shell, site: Site) -> None:
    protected.administrator("up", "--yes", "--skip-preview", "--stack", site.name)
    refused = protected.administrator("destroy", "--yes", "--skip-preview", "--stack", site.name, check=False)
    assert refused.code != 0
    assert re.search(r"1 errored|2 errored", refused.text), refused.text
    assert "deleted" not in refused.text.partition("Resources:")[2]


def test_nothing_is_destroyed_without_a_yes(protected: Shell, site: Site) -> None:
    before = protected.state(site.name)
    refused = protected.run("sitectl", "destroy", site.name, check=False)
    assert refused.code == 1
    assert "say --yes" in refused.err
    assert protected.state(site.name) == before


def test_destroy_leaves_nothing_on_any_server(
    protected: Shell, estate: Estate, kafka: AdminClient, site: Site
) -> None:
    gone = json.loads(protected.run("sitectl", "destroy", site.name, "--yes", "--json").out)
    assert gone["unprotected"] > 1
    assert {entry["what"] for entry in gone["stays"]} >= {"policies and logins", "the site's secrets"}
    protected.run("sitectl", "destroy", site.name, "--bootstrap", "--yes", variables=protected.administration)
    assert protected.state(site.name) == []
    assert not protected.exists("namespace", site.namespace)
    for kind in ("clusterrolebindings", "kafkatopics.kafka.strimzi.io", "kafkausers.kafka.strimzi.io"):
        namespace = site.streams.cluster.namespace if kind.startswith("kafka") else None
        assert protected.all(kind, namespace, f"iot-broker/site={site.name}") == []
    vault = servers.vault_root(protected, estate)
    assert not [path for path in vault.get("/sys/mounts")["data"] if site.name in path]
    assert not [path for path in vault.get("/sys/auth")["data"] if site.name in path]
    assert not [
        name for name in vault.get("/sys/policies/acl?list=true")["data"]["keys"] if site.name in name
    ]
    assert servers.keycloak(protected).ask("GET", f"/{site.name}").status == 404
    topics = set(kafka.list_topics(timeout=10).topics)
    assert topics.isdisjoint(topic_name(site, topic.name) for topic in site.streams.topics)
    described = kafka.describe_user_scram_credentials()
    assert not isinstance(described, dict)
    users = described.result()
    assert not [user for user in users if user.startswith(site.name)]
