"""The site's workers to Kafka, by kind: how many there are, who each of them is, and what it may hear and say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import names
from model import Site, worker_capacity, worker_topics
from model.ingest import BIRTHS, OT, TOPICS
from model.worker import MAIN, SHARED_BY
from model.worker import OT as OT_WORKER

FIGURES_TLS = f"{MAIN}-tls"
"""Secret of the certificate under which all workers tell their figures, filled by cert-manager."""
DELAYED = "$delayed/"
"""What topics begin with that a client wants held back."""
REBIRTH = "NCMD"
"""Kind of Sparkplug's message by which a node is asked to be born again."""


@dataclass(frozen=True)
class Workers:
    """Workers of one kind: pods of one StatefulSet, with the same rights, each under a certificate of its own."""

    name: str
    number: int
    user: str
    """Its Kafka user, without the site's prefix."""
    filters: tuple[str, ...]
    """What it subscribes to, without `$share`."""
    publishes: tuple[str, ...]
    """Filters of what it may publish."""
    topics: Mapping[str, object]
    """What its settings say of MQTT topics."""
    writes: tuple[str, ...]
    """Kafka topics that its settings name, without the site's prefix."""

    @property
    def group(self) -> str:
        """Name of the subscription that its pods share."""
        return SHARED_BY[self.name]

    @property
    def pods(self) -> tuple[str, ...]:
        """Names that Kubernetes gives to the pods."""
        return tuple(f"{self.name}-{number}" for number in range(self.number))


def workers(site: Site) -> tuple[Workers, ...]:
    """Return the site's workers; none where the broker's rules carry messages to Kafka."""
    worker = site.streams.worker
    if worker is None:
        return ()
    return (
        Workers(
            MAIN,
            worker_capacity.workers(site),
            worker.user,
            _with_held_back(worker_topics.filters(site)),
            _rebirths(site, worker.host_id),
            worker_topics.settings(site),
            (*TOPICS, BIRTHS),
        ),
        Workers(
            OT_WORKER,
            1,
            worker.ot_user,
            _with_held_back(worker_topics.ot_filters(site)),
            (),
            worker_topics.ot_settings(site),
            (OT,),
        ),
    )


def selected(site: Site, kind: str | None = None) -> dict[str, str]:
    """Return the labels of the pods of all workers, of either kind; or of one kind, by its name."""
    every = {"app.kubernetes.io/name": MAIN, "app.kubernetes.io/instance": site.name}
    return every | ({"app.kubernetes.io/component": kind} if kind else {})


def common_name(site: Site, pod: str) -> str:
    """Return the common name of a pod's certificate, which is its user name and its client id at the broker."""
    return f"{pod}.workers.{site.domain}"


def common_names(site: Site, kind: Workers) -> tuple[str, ...]:
    """Return the common names of all pods of a kind."""
    return tuple(common_name(site, pod) for pod in kind.pods)


def identity_secret(pod: str) -> str:
    """Return the Secret of a pod's certificate at the broker, filled by cert-manager."""
    return f"{pod}-identity"


def kafka_secret(kind: str) -> str:
    """Return the Secret with the password of a kind's Kafka user, and Kafka's authority."""
    return f"{kind}-kafka"


def kafka_secrets(site: Site) -> dict[str, str]:
    """Return the Secret of each kind's Kafka user, by the user's name without prefix."""
    return {kind.user: kafka_secret(kind.name) for kind in workers(site)}


def carriers(site: Site) -> dict[str, str]:
    """Return the Secret of each Kafka user that carries messages to Kafka, by the user's name without prefix.

    These are the workers', and the broker's own where it writes to Kafka itself or by its bridge: both while workers
    run beside that way.
    """
    own = {} if site.way_to_kafka == "worker" else {site.streams.writer: names.BROKER_KAFKA}
    return kafka_secrets(site) | own


def figures_host(site: Site) -> str:
    """Return the name in the certificate under which all workers tell their figures."""
    return names.service_host(site, MAIN)


def _with_held_back(filters: tuple[str, ...]) -> tuple[str, ...]:
    """Return the filters, and those of what was to be held back, which this broker does not do: it would be gone.

    EMQX cuts `$delayed/SECONDS/` off before it asks the policy server, of what is subscribed to, too: it denies
    `$delayed/#` without asking, and asks for `$delayed/+/<filter>` as for the filter, which the worker may have.
    """
    own = tuple(name for name in filters if not name.startswith(DELAYED))
    return (*own, *(f"{DELAYED}+/{name}" for name in own if not name.startswith("$")))


def rights(site: Site) -> dict[str, Any]:
    """Return what the policy server is told: what each worker may hear and say; nothing at a site without workers."""
    found = {
        name: {"group": kind.group, "filters": list(kind.filters), "publishes": list(kind.publishes)}
        for kind in workers(site)
        for name in common_names(site, kind)
    }
    return {"workers": found} if found else {}


def _rebirths(site: Site, host_id: str | None) -> tuple[str, ...]:
    """Return what a worker may say in the name of a host: what that host may, of what asks nodes for a rebirth."""
    return tuple(
        command.replace("{site}", site.name)
        for host in site.policy.hosts
        if host_id is not None and host.host_id == host_id
        for command in host.commands
        if command.split("/")[2:3] == [REBIRTH]
    )
