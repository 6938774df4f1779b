"""Alerts on the bridge to the incumbent: it is down, it brings nothing in, or it loses what goes out."""

from collections.abc import Iterator

from components.alert import Alert, begun, narrowed, selectors, window
from model import Site
from model.incumbent_bridge import INWARD_RULE
from model.slo import Recording

RECEIVED = "iot_broker:bridge_received:rate"
LOST = "iot_broker:bridge_lost:rate"
CONNECTED = "iot_broker:bridge_connected"
_CONNECTOR = 'id=~"(.*:)?mqtt:.*"'
# In messages a second over a day: a space that brings one in ten minutes has its pauses.
USUALLY_BUSY = "0.02"


def recordings(site: Site) -> tuple[Recording, ...]:
    """Return what the meanings are made of; none without a bridge."""
    if site.brokers_bridge == "none":
        return ()
    rules, rate = selectors(site).rules, window(site)
    bridge = narrowed(rules, _CONNECTOR)
    connected = Recording(CONNECTED, f"max(emqx_connector_status{bridge})")
    if site.brokers_bridge == "ingress":
        inward = narrowed(rules, f'id=~"{INWARD_RULE}.*"')
        return (connected, Recording(RECEIVED, f"sum by (id) (rate(emqx_rule_matched{inward}[{rate}]))"))
    lost = f"sum(rate(emqx_action_failed{bridge}[{rate}])) + sum(rate(emqx_action_dropped{bridge}[{rate}]))"
    return (connected, Recording(LOST, lost))


def bridge_alerts(site: Site) -> Iterator[Alert]:
    """Yield the alerts on the bridge; none without one."""
    if site.brokers_bridge == "none":
        return
    chosen = selectors(site).site
    yield Alert(
        "IncumbentBridgeDown",
        "ticket",
        f"{CONNECTED}{chosen} == 0 {begun(site)}",
        "10m",
        "The bridge to the incumbent is not connected",
        f"No node reaches {{{{ $labels.site }}}}'s incumbent: nothing crosses the bridge, which leads {_way(site)}.",
    )
    if site.brokers_bridge == "ingress":
        received = f"{RECEIVED}{chosen}"
        yield Alert(
            "IncumbentBridgeReceivesNothing",
            "ticket",
            f"(sum by (site) (avg_over_time({received}[15m])) == 0 {begun(site)}) "
            f"or (avg_over_time({received}[15m]) == 0 and avg_over_time({received}[1d]) > {USUALLY_BUSY})",
            "15m",
            "The bridge brings in nothing from the incumbent",
            "Not one message came over the bridge in half an hour, whatever it says of its connection.",
        )
    else:
        yield Alert(
            "IncumbentBridgeLosesMessages",
            "ticket",
            f"{LOST}{chosen} > 0",
            "5m",
            "Messages for the incumbent are lost",
            "{{ $value }} messages a second do not reach the incumbent: a way back would miss them.",
        )


def _way(site: Site) -> str:
    return "inwards" if site.brokers_bridge == "ingress" else "outwards"
