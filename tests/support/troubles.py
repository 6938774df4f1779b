"""Which alerts a site in every trouble at once does not raise, and why: the servers answer in it (`lab/trouble.py`)."""

from model import Site

# What these say is silent; tests of their own are in tests/programs/components/prometheus_rules/.
OF_SILENCE = {
    "BrokerAvailabilityBurnsFast",
    "BrokerAvailabilityBurnsSlowly",
    "BrokerNodeLost",
    "PolicyServerDown",
    "SinkWorkersDown",
    "WorkerAway",
}
# Connections cannot have fallen and be near their limit at once.
CONTRADICTED = {"BrokerConnectionsNearLimit"}
# In the pilot the sinks wait, and no connector runs.
OF_CONNECTORS = {"SinkTaskFailed", "SinkRefusesRecords"}


def with_few_workers(site: Site) -> Site:
    """Return a site with two workers to Kafka beside that of the OT mirror: each has the same series."""
    if site.streams.worker is None:
        raise ValueError(f"{site.name} has no worker")
    worker = site.streams.worker.model_copy(update={"replicas": 2})
    return site.model_copy(update={"streams": site.streams.model_copy(update={"worker": worker})})
