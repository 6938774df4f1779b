"""What a site has though none of its files says it: sizes and limits that follow from its load."""

from model.capacity import door_limits
from model.site import Site


def derived(site: Site) -> dict[str, object]:
    """Return each derived value of the broker, by its key."""
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
    return found
