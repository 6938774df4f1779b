"""The end of a site: a protected one refuses, another leaves nothing on any server."""

from pathlib import Path

from confluent_kafka.admin import AdminClient

from components.kafka_topics import topic_name
from lab.estate import Estate
from model import Site
from tests.support import servers
from tests.support.shell import Shell


def test_a_protected_site_refuses_to_go(deployed: Shell, site: Site, stacks: Path) -> None:
    file = stacks / "sites" / f"{site.name}.yaml"
    text = file.read_text()
    assert text.count("\nprotect: false") == 1
    file.write_text(text.replace("\nprotect: false", "\nprotect: true"))
    try:
        deployed.up(site.name)
        before = deployed.state(site.name)
        refused = deployed.pulumi("destroy", "--yes", "--stack", site.name, check=False)
        assert refused.code != 0
        assert "protect" in refused.text
        # Its own preview refuses: nothing was taken away, also of what is not protected.
        assert deployed.state(site.name) == before
    finally:
        file.write_text(text)
    deployed.up(site.name)


def test_destroy_leaves_nothing_on_any_server(
    deployed: Shell, estate: Estate, kafka: AdminClient, site: Site
) -> None:
    deployed.destroy(site.name)
    assert deployed.state(site.name) == []
    assert not deployed.exists("namespace", site.namespace)
    for kind in ("clusterrolebindings", "kafkatopics.kafka.strimzi.io", "kafkausers.kafka.strimzi.io"):
        namespace = site.streams.cluster.namespace if kind.startswith("kafka") else None
        assert deployed.all(kind, namespace, f"iot-broker/site={site.name}") == []
    vault = servers.vault_root(deployed, estate)
    assert not [path for path in vault.get("/sys/mounts")["data"] if site.name in path]
    assert not [path for path in vault.get("/sys/auth")["data"] if site.name in path]
    assert not [
        name for name in vault.get("/sys/policies/acl?list=true")["data"]["keys"] if site.name in name
    ]
    assert servers.keycloak(deployed).ask("GET", f"/{site.name}").status == 404
    topics = set(kafka.list_topics(timeout=10).topics)
    assert topics.isdisjoint(topic_name(site, topic.name) for topic in site.streams.topics)
    described = kafka.describe_user_scram_credentials()
    assert not isinstance(described, dict)
    users = described.result()
    assert not [user for user in users if user.startswith(site.name)]
