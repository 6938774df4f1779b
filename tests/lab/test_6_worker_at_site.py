"""A deployed site moves to workers, carries messages by them, and moves back: with the deployed program and rights."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components import names
from components.broker_secrets import worker_slots
from components.kafka_topics import topic_name
from components.workers import workers
from lab.estate import Estate
from lab.waiting import wait_until
from model import Site, load_site
from tests.support import servers, worker_pods
from tests.support.front import Front, front_of
from tests.support.kafka_records import records_of
from tests.support.mqtt import Refused
from tests.support.shell import Shell
from tests.support.variants import with_worker
from tests.support.worker_pods import Pod

PATIENCE = 60.0
MESSAGES = 200


@pytest.fixture(scope="module")
def moved(deployed: Shell, site: Site, stacks: Path, estate: Estate) -> Iterator[Site]:
    """The site with workers; afterwards it is as it was."""
    file = stacks / "sites" / f"{site.name}.yaml"
    kept = file.read_text()
    try:
        file.write_text(yaml.safe_dump(with_worker(yaml.safe_load(kept)), sort_keys=False))
        made = load_site(stacks, site.name)
        # As docs/streams.md says: the administrators' part comes first.
        fill_slots(deployed, estate, made)
        deployed.bootstrap(site.name)
        deployed.grant(made)
        deployed.up(site.name)
        yield made
    finally:
        file.write_text(kept)
        deployed.up(site.name)
        deployed.bootstrap(site.name)
        deployed.grant(site)
    assert deployed.preview(site.name) == []
    assert not deployed.exists("statefulset", "kafka-worker", site.namespace)
    assert deployed.exists("kafkabridge", names.KAFKA_BRIDGE, site.namespace)


def fill_slots(deployed: Shell, estate: Estate, site: Site) -> None:
    """Put into Vault what people put there: the passwords that the workers' Kafka users get, and Kafka's authority."""
    vault, external = servers.vault_root(deployed, estate), site.platform.external_secrets
    assert external is not None
    for slot, keys in worker_slots(site).items():
        data = {
            key: deployed.authority.read_text() if key == "ca.crt" else f"p{secrets.token_hex(24)}"
            for key in keys
        }
        reply = vault.ask("POST", f"/{external.path}/data/{site.name}/{slot}", {"data": data})
        assert reply.status == 200, reply.text


@pytest.fixture(scope="module")
def worker_front(
    deployed: Shell, moved: Site, estate: Estate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    """The open listeners of the site with workers."""
    with front_of(deployed, moved, estate, tmp_path_factory.mktemp("front")) as made:
        yield made


@pytest.fixture(scope="module")
def pods(
    worker_front: Front, deployed: Shell, moved: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Pod]]:
    """One worker of each kind."""
    root = tmp_path_factory.mktemp("pods")
    with (
        worker_pods.running(worker_front, deployed, moved, "kafka-worker-0", root) as main,
        worker_pods.running(worker_front, deployed, moved, "ot-worker-0", root) as ot,
    ):
        yield {main.name: main, ot.name: ot}


def test_a_site_that_moved_has_workers_and_no_bridge(deployed: Shell, moved: Site) -> None:
    assert deployed.preview(moved.name) == []
    assert not deployed.exists("kafkabridge", names.KAFKA_BRIDGE, moved.namespace)
    for kind in workers(moved):
        found = deployed.get("statefulset", kind.name, moved.namespace)
        assert found["spec"]["replicas"] == kind.number


def test_what_a_device_says_arrives_in_order_and_byte_for_byte(
    deployed: Shell, moved: Site, estate: Estate, worker_front: Front, pods: dict[str, Pod]
) -> None:
    device = worker_front.enrolled("device", "pump-1")
    name = f"pump-1.{names.client_domain(moved, 'device')}"
    payloads = [f'{{"n": {number}, "v": 1e400}}'.encode() for number in range(MESSAGES)]
    with worker_front.device(device) as session:
        for payload in payloads:
            assert session.publish(f"{moved.name}/{name}/flow", payload) == "Success"
        assert session.publish(f"{moved.name}/{name}/event/door", b'{"open": true}') == "Success"
        assert session.publish(f"{moved.name}/{name}/flow", b"\xff no JSON") == "Success"

    def of(topic: str) -> list[bytes]:
        found = records_of(deployed, estate, topic_name(moved, topic))
        return [record.value for record in found if record.key == name.encode()]

    wait_until(lambda: len(of("raw")) >= MESSAGES, PATIENCE, "every record")
    assert of("raw")[-MESSAGES:] == payloads
    wait_until(lambda: b'{"open": true}' in of("events"), PATIENCE, "the event")
    wait_until(lambda: b"\xff no JSON" in of("dead-letter"), PATIENCE, "the dead letter")
    assert pods["kafka-worker-0"].figure("worker_written_total") >= MESSAGES + 2
    assert pods["ot-worker-0"].figure("worker_written_total") == 0


def test_what_the_mirror_says_goes_by_a_worker_and_a_kafka_user_of_its_own(
    deployed: Shell, moved: Site, estate: Estate, worker_front: Front, pods: dict[str, Pod]
) -> None:
    mirror = worker_front.enrolled("mirror", "plant")
    payload = b'{"pressure": 12.50}'
    with worker_front.device(mirror, "plant") as session:
        assert session.publish(f"ot/{moved.name}/separator/pressure", payload) == "Success"
    ot = topic_name(moved, "ot")
    wait_until(
        lambda: payload in [record.value for record in records_of(deployed, estate, ot)],
        PATIENCE,
        "the mirror's record",
    )
    assert pods["ot-worker-0"].figure("worker_written_total") == 1
    assert payload not in [record.value for record in records_of(deployed, estate, topic_name(moved, "raw"))]


@pytest.mark.usefixtures("pods")
def test_what_the_broker_says_of_itself_is_kept_and_seen_by_no_client(
    deployed: Shell, moved: Site, estate: Estate, worker_front: Front
) -> None:
    """The lab's broker has no rules of its own: what EMQX would republish is published in a rule's name."""
    entry = json.dumps({"event": "connected", "client": "pump-9"}).encode()
    with worker_front.rules("audit") as rules:
        assert rules.publish("$kit/audit/connected", entry) == "Success"
    audit = topic_name(moved, "audit")
    wait_until(
        lambda: entry in [record.value for record in records_of(deployed, estate, audit)],
        PATIENCE,
        "the audit record",
    )
    device = worker_front.enrolled("device", "pump-2")
    for filter_ in ("$kit/audit/#", "$share/kafka/$kit/audit/#"):
        with worker_front.device(device, "pump-2") as session:
            assert session.subscribe(filter_) == "Not authorized"
    with worker_front.device(device, "pump-2") as session:
        assert session.publish("$kit/audit/connected", b"{}") == "Not authorized"


def test_nobody_but_a_worker_comes_in_at_its_listener(moved: Site, worker_front: Front) -> None:
    device = worker_front.enrolled("device", "pump-3")
    at_workers = Front(**{**vars(worker_front), "ports": {"mqtts": worker_front.ports["worker"]}})
    with at_workers.device(device, "pump-3") as session:
        # Its certificate is of the same authority; what it may hear there is what it may hear anywhere.
        assert session.subscribe(f"$share/kafka/{moved.name}/+/#") == "Not authorized"
    with pytest.raises(Refused), at_workers.device(None, "nobody"):
        pytest.fail("a client without a certificate came in")
