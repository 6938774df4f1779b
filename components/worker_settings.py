"""The settings of the workers to Kafka, a JSON file for each pod, without any secret (`images/worker/settings.py`)."""

import json
from typing import Any

from components import names
from components.kafka_topics import topic_name, user_name
from components.workers import Workers, common_name
from model import Site, record_size, worker_capacity, worker_topics
from model.worker import MAIN, Worker

FOLDER = "/worker"
"""Where volumes are mounted in a worker's container, each below its own name."""
KEEPALIVE_SECONDS = 30


def files(site: Site, worker: Worker, kind: Workers) -> dict[str, str]:
    """Return the settings of each pod of a kind, by the file's name `<pod>.json`."""
    return {
        f"{pod}.json": json.dumps(_settings(site, worker, kind, pod), indent=2, sort_keys=True) + "\n"
        for pod in kind.pods
    }


def _settings(site: Site, worker: Worker, kind: Workers, pod: str) -> dict[str, Any]:
    main = kind.name == MAIN
    return {
        "site": site.name,
        "mqtt": _mqtt(site, worker, kind, pod),
        "kafka": _kafka(site, kind),
        "topics": dict(kind.topics),
        "sparkplug": {
            "decode": main and worker.decode_sparkplug,
            "host_id": worker.host_id if main else None,
        },
        "assets": worker_topics.assets(site),
        "listen": {
            "host": "0.0.0.0",  # noqa: S104 - the pod's; a network policy says who comes there
            "port": worker.figures_port,
            "certificate": f"{FOLDER}/figures/tls.crt",
            "key": f"{FOLDER}/figures/tls.key",
        },
    }


def _mqtt(site: Site, worker: Worker, kind: Workers, pod: str) -> dict[str, Any]:
    return {
        "host": names.service_host(site, names.BROKER_LISTENERS),
        "port": worker.port,
        # What the broker makes of it anyway: the certificate's common name.
        "client_id": common_name(site, pod),
        "group": kind.group,
        # What the policy lets it have, to the letter: one filter more, and EMQX ends the session.
        "filters": list(kind.filters),
        "certificate": f"{FOLDER}/identity/{pod}/tls.crt",
        "key": f"{FOLDER}/identity/{pod}/tls.key",
        "authority": f"{FOLDER}/trust/{names.TRUST_SITE}",
        "session_expiry_seconds": worker.session_expiry.seconds,
        "window": worker_capacity.window(site),
        "keepalive_seconds": KEEPALIVE_SECONDS,
    }


def _kafka(site: Site, kind: Workers) -> dict[str, Any]:
    return {
        "bootstrap": site.streams.cluster.bootstrap,
        "user": user_name(site, kind.user),
        "password_file": f"{FOLDER}/kafka/password",
        "authority": f"{FOLDER}/kafka/ca.crt",
        "buffer_bytes": worker_capacity.payloads(site).count,
        "topics": {
            topic.name: {
                "name": topic_name(site, topic.name),
                "largest_record": record_size.maximum_message(site, topic).count,
            }
            for topic in site.streams.topics
            if topic.name in kind.writes
        },
    }
