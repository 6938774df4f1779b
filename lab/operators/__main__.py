"""Runs the lab's operators: `python -m lab.operators --settings FILE`, until SIGTERM or SIGINT."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from lab.operators.bridges import KAFKA_BRIDGE, BridgeReconciler
from lab.operators.emqx import EMQX, EmqxReconciler, owner_of
from lab.operators.external_secrets import EXTERNAL_SECRET, SecretReconciler, Vault
from lab.operators.kafka import KafkaAdministrator
from lab.operators.kubernetes import CONFIG_MAP, POD, REPLICA_SET, STATEFUL_SET, Kind, connect
from lab.operators.leases import RENEW_SECONDS, Leases
from lab.operators.loop import Key, Queue, Watch, Worker, key_of, repeat, start
from lab.operators.opa import OpaClient
from lab.operators.policy_loader import DATA_SELECTOR, EVERYTHING, POLICY_SELECTOR, PolicyLoader
from lab.operators.probed import SECONDS as PROBE_SECONDS
from lab.operators.probed import SELECTOR as PROBED_SELECTOR
from lab.operators.probed import ReadinessProber, Servers
from lab.operators.programs import SELECTOR as PROGRAM_SELECTOR
from lab.operators.programs import ProgramRunner
from lab.operators.prometheus import PROMETHEUS_RULE, RULE_SELECTOR, PrometheusServer, RuleLoader
from lab.operators.quotas import KafkaQuotas
from lab.operators.settings import Settings, SettingsUnusable, read_settings
from lab.operators.sinks import KAFKA_CONNECT, KAFKA_CONNECTOR, ConnectorReconciler, WorkersReconciler
from lab.operators.stories import StoryTeller
from lab.operators.topics import KAFKA_TOPIC, TopicReconciler
from lab.operators.users import KAFKA_USER, UserReconciler

# The namespace and name of the lab's Kafka cluster, as its operators at a real site watch one each.
KAFKA_NAMESPACE = "kafka"
KAFKA_SELECTOR = "strimzi.io/cluster=core"
EMQX_OWNED = "apps.emqx.io/managed-by=emqx-operator"
# Strimzi reconciles everything every two minutes by default; a policy server that was started anew is noticed sooner.
RESYNC_SECONDS = 120.0
POLICY_RESYNC_SECONDS = 5.0


class Operators:
    """The operators of one lab: their watches and workers, each in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = connect(settings.kubeconfig, settings.context)
        self._watches: list[Watch] = []
        self._queues: list[Queue] = []
        self._programs: ProgramRunner | None = None

    def stop(self) -> None:
        """End the programs of pods; all else can be cut off at any step."""
        if self._programs is not None:
            self._programs.stop()

    def start(self) -> None:
        """Start every operator."""
        self._start_emqx()
        self._start_external_secrets()
        self._start_topics()
        self._start_users()
        self._start_bridges()
        self._start_sinks()
        self._start_policy_loader()
        self._start_rule_loader()
        self._start_programs()
        self._start_readiness()
        start(repeat(Leases(self._client).renew, RENEW_SECONDS), "leases")
        teller = StoryTeller(self._settings.stories, self._settings.prometheus)
        start(teller.serve_forever, "stories")
        for watch in self._watches:
            start(watch.run, f"watch-{watch.kind.plural}")
        start(self._announce, "ready")

    def _announce(self) -> None:
        """Make the ready file once every object was seen, and worked on once."""
        for watch in self._watches:
            watch.complete.wait()
        for queue in self._queues:
            queue.wait_until_quiet()
        self._settings.ready_file.touch()

    def _start_emqx(self) -> None:
        queue = Queue()
        watch = self._watch(EMQX, queue)
        core, replicant = (
            Watch(self._client, kind, None, EMQX_OWNED, lambda changed: owner_of(changed, queue))
            for kind in (STATEFUL_SET, REPLICA_SET)
        )
        self._watches += [core, replicant]
        self._work("emqx", queue, EmqxReconciler(self._client, watch, core, replicant).reconcile, watch)

    def _start_external_secrets(self) -> None:
        queue = Queue()
        watch = self._watch(EXTERNAL_SECRET, queue)
        reconciler = SecretReconciler(self._client, Vault(self._settings.vault), watch)
        self._work("external-secrets", queue, reconciler.reconcile, watch)

    def _start_topics(self) -> None:
        queue = Queue()
        watch = self._watch(KAFKA_TOPIC, queue, KAFKA_NAMESPACE, KAFKA_SELECTOR)
        reconciler = TopicReconciler(self._client, KafkaAdministrator(self._settings.kafka), watch)
        self._work("kafka-topics", queue, reconciler.reconcile, watch)

    def _start_users(self) -> None:
        queue, endpoint = Queue(), self._settings.kafka
        watch = self._watch(KAFKA_USER, queue, KAFKA_NAMESPACE, KAFKA_SELECTOR)
        administrator, quotas = KafkaAdministrator(endpoint), KafkaQuotas(endpoint)
        reconciler = UserReconciler(self._client, administrator, quotas, watch, own_user=endpoint.user)
        watch.listed = lambda: reconciler.sweep(KAFKA_NAMESPACE, queue)
        self._work("kafka-users", queue, reconciler.reconcile, watch)

    def _start_bridges(self) -> None:
        queue = Queue()
        watch = self._watch(KAFKA_BRIDGE, queue)
        reconciler = BridgeReconciler(self._client, KafkaAdministrator(self._settings.kafka), watch)
        self._work("kafka-bridges", queue, reconciler.reconcile, watch)

    def _start_sinks(self) -> None:
        connectors, workers = Queue(), Queue()
        kafka = KafkaAdministrator(self._settings.kafka)
        watch = self._watch(KAFKA_CONNECT, workers)
        reconciler = WorkersReconciler(self._client, kafka, watch)
        self._work("kafka-connects", workers, reconciler.reconcile, watch)
        theirs = self._watch(KAFKA_CONNECTOR, connectors)
        reader = ConnectorReconciler(self._client, kafka, theirs, watch)
        self._work("kafka-connectors", connectors, reader.reconcile, theirs)

    def _start_policy_loader(self) -> None:
        queue = Queue()
        policies, data = (
            Watch(self._client, CONFIG_MAP, None, selector, lambda _: queue.add(EVERYTHING))
            for selector in (POLICY_SELECTOR, DATA_SELECTOR)
        )
        self._watches += [policies, data]
        loader = PolicyLoader(self._client, OpaClient(self._settings.opa), policies, data)
        self._queues.append(queue)
        start(Worker("policies", queue, loader.reconcile).run, "policies")
        start(repeat(lambda: queue.add(EVERYTHING), POLICY_RESYNC_SECONDS), "policies-resync")

    def _start_rule_loader(self) -> None:
        queue = Queue()
        rules = Watch(self._client, PROMETHEUS_RULE, None, RULE_SELECTOR, lambda _: queue.add(EVERYTHING))
        self._watches.append(rules)
        loader = RuleLoader(PrometheusServer(self._settings.prometheus), rules)
        self._queues.append(queue)
        start(Worker("rules", queue, loader.reconcile).run, "rules")
        start(repeat(lambda: queue.add(EVERYTHING), RESYNC_SECONDS), "rules-resync")

    def _start_programs(self) -> None:
        queue = Queue()
        watch = self._watch(POD, queue, selector=PROGRAM_SELECTOR)
        self._programs = ProgramRunner(self._client, watch)
        self._work("programs", queue, self._programs.reconcile, watch)

    def _start_readiness(self) -> None:
        queue, kafka, opa = Queue(), self._settings.kafka, self._settings.opa
        watch = self._watch(POD, queue, selector=PROBED_SELECTOR)
        servers = Servers(urlsplit(opa.url).netloc, kafka.bootstrap.split(","), kafka.ca_file)
        prober = ReadinessProber(self._client, watch, servers)

        def look() -> None:
            prober.stand_for_brokers()
            for key in list(watch.objects):
                queue.add(key)

        self._work("readiness", queue, prober.reconcile, watch)
        start(repeat(look, PROBE_SECONDS), "readiness-look")

    def _watch(self, kind: Kind, queue: Queue, namespace: str | None = None, selector: str = "") -> Watch:
        watch = Watch(self._client, kind, namespace, selector, lambda changed: queue.add(key_of(changed)))
        self._watches.append(watch)
        return watch

    def _work(self, name: str, queue: Queue, reconcile: Callable[[Key], None], watch: Watch) -> None:
        def resync() -> None:
            for key in list(watch.objects):
                queue.add(key)

        self._queues.append(queue)
        start(Worker(name, queue, reconcile).run, name)
        start(repeat(resync, RESYNC_SECONDS), f"{name}-resync")


def main() -> int:
    """Run the operators; return 2 when the settings cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m lab.operators", description=__doc__)
    parser.add_argument(
        "--settings", type=Path, required=True, help="JSON file that says where the servers are"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = read_settings(arguments.settings)
    except SettingsUnusable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    settings.ready_file.unlink(missing_ok=True)
    operators = Operators(settings)
    operators.start()
    stop.wait()
    operators.stop()
    settings.ready_file.unlink(missing_ok=True)
    logging.shutdown()
    # Every step of every operator can be cut off and done again, so nothing is waited for.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
