"""What a site has though none of its files says it: sizes and limits that follow from its load."""

from model import worker_capacity
from model.capacity import door_limits
from model.site import Site


def derived(site: Site) -> dict[str, object]:
    """Return each derived value of the broker, and of its workers to Kafka, by its key."""
    broker = site.broker
    found: dict[str, object] = {
        f"broker.{name}": getattr(broker, name)
        for name in ("cores", "memory")
        if name not in broker.model_fields_set
    }
    for name, limits in door_limits(broker).items():
        said, key = broker.listeners.by_name[name], f"broker.listeners.{name.replace('zone-', 'zones.', 1)}"
        if said.max_connections is None:
            found[f"{key}.max_connections"] = limits.max_connections
        if said.connection_rate is None:
            found[f"{key}.connection_rate"] = limits.connection_rate
    worker = site.streams.worker
    if worker is not None:
        follows = {"replicas": worker_capacity.workers(site), "waiting": worker_capacity.waiting(site)}
        found |= {
            f"streams.worker.{name}": value
            for name, value in follows.items()
            if getattr(worker, name) is None
        }
    return found
