"""Workers come to the broker of their site with what the stack renders for them, and are granted all that they ask for.

The lab's broker has the site's own configuration, and asks a real policy server with the site's own data. No Kafka is
there: a worker subscribes before it has somewhere to write to.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from components import worker_settings
from components.workers import common_name, workers
from lab.child import Child
from lab.ports import HOST, free_ports
from lab.waiting import wait_until
from model import Site
from model.worker_topics import AUDIT_SPACE
from tests.support.broker_bench import Bench, Broker, bench
from tests.support.mqtt import Certificate, session
from tests.support.shell import REPOSITORY
from tests.support.variants import sites_with_worker

DOOR = "ssl-worker"
PATIENCE = 60.0
KINDS = ("kafka-worker", "ot-worker")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Eagle Ford with workers that pass Sparkplug on: one that decodes reads births in Kafka before it subscribes."""
    found = sites_with_worker(tmp_path_factory.mktemp("workers"), "pilot", "opensource")
    made = next(site for site in found if site.name == "eagle-ford")
    assert made.streams.worker is not None
    worker = made.streams.worker.model_copy(update={"decode_sparkplug": False})
    return made.model_copy(update={"streams": made.streams.model_copy(update={"worker": worker})})


@pytest.fixture(scope="module")
def table(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(site, tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture(scope="module")
def broker(table: Bench) -> Iterator[Broker]:
    with table.broker() as running:
        yield running


@dataclass(frozen=True)
class Pod:
    """A worker that runs."""

    child: Child
    figures: int

    def figure(self, name: str) -> float:
        """Return a figure without labels; -1 while it is not there."""
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            page = urllib3.request("GET", f"http://{HOST}:{self.figures}/metrics", retries=False, timeout=5.0)
            for line in page.data.decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[1])
        return -1.0


def identity(table: Bench, pod: str) -> Certificate:
    pair = table.authority.client(pod, common_name(table.site, pod))
    return Certificate(pair.certificate, pair.key)


def settings_of(table: Bench, broker: Broker, pod: str, figures: int) -> dict[str, Any]:
    """Return the settings that the stack renders for a pod, but for addresses and where files are."""
    site = table.site
    assert site.streams.worker is not None
    kind = next(kind for kind in workers(site) if pod in kind.pods)
    found: dict[str, Any] = json.loads(worker_settings.files(site, site.streams.worker, kind)[f"{pod}.json"])
    mine = identity(table, pod)
    found["mqtt"] |= {
        "host": "localhost",
        "port": broker.ports[DOOR],
        "certificate": str(mine.chain),
        "key": str(mine.key),
        "authority": str(table.authority.certificate),
    }
    password = table.folder / "password"
    password.write_text("none", encoding="utf-8")
    # Nobody is there.
    found["kafka"] |= {
        "bootstrap": f"{HOST}:9",
        "password_file": str(password),
        "authority": str(table.authority.certificate),
    }
    found["listen"] = {"host": HOST, "port": figures}
    return found


@contextlib.contextmanager
def running(settings: dict[str, Any], folder: Path, figures: int) -> Iterator[Pod]:
    folder.mkdir(exist_ok=True)
    file = folder / "settings.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    child = Child(
        (sys.executable, "-m", "images.worker", file),
        folder,
        lambda: Pod(child, figures).figure("worker_subscriptions_wanted") >= 0,
        start_seconds=PATIENCE,
        stop_seconds=30.0,
        environment={"PYTHONPATH": str(REPOSITORY)},
    )
    with child:
        yield Pod(child, figures)


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_is_granted_all_that_it_asks_for(
    kind: str, table: Bench, broker: Broker, tmp_path: Path
) -> None:
    figures = free_ports(["figures"])["figures"]
    settings = settings_of(table, broker, f"{kind}-0", figures)
    wanted = len(settings["mqtt"]["filters"])
    with running(settings, tmp_path / kind, figures) as pod:
        wait_until(
            lambda: pod.figure("worker_subscriptions_granted") == wanted, PATIENCE, "all subscriptions"
        )
        assert pod.figure("worker_connected") == 1


def test_a_worker_that_asks_for_what_is_the_others_is_granted_nothing(
    table: Bench, broker: Broker, tmp_path: Path
) -> None:
    """The control: the mirror's worker with the topics of the other ones."""
    figures = free_ports(["figures"])["figures"]
    settings = settings_of(table, broker, "ot-worker-0", figures)
    other = settings_of(table, broker, "kafka-worker-0", figures)
    settings["topics"] = other["topics"]
    settings["mqtt"]["filters"] = other["mqtt"]["filters"]
    settings["kafka"]["topics"] = other["kafka"]["topics"]
    with running(settings, tmp_path / "other", figures) as pod:
        wait_until(lambda: "denied" in said(pod) or "refused" in said(pod), PATIENCE, "a refusal")
        assert pod.figure("worker_subscriptions_granted") == 0


def said(pod: Pod) -> str:
    return pod.child.log.read_text()


def test_nobody_else_is_granted_the_workers_topics_at_their_listener(table: Bench, broker: Broker) -> None:
    for kind, name in (("device", "pump-1"), ("service", "historian")):
        mine = table.certificate(kind, name)
        for topic in (
            f"{AUDIT_SPACE}/#",
            f"$share/kafka/{AUDIT_SPACE}/#",
            f"$share/kafka/{workers(table.site)[0].filters[0]}",
        ):
            with session(
                broker.ports[DOOR], table.site.mqtt_host, table.authority.certificate, name, certificate=mine
            ) as client:
                answer = client.subscribe(topic)
            granted = kind == "service" and topic.endswith(workers(table.site)[0].filters[0])
            assert ("Granted" in answer) is granted, (name, topic, answer)
