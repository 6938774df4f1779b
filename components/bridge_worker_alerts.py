"""Alerts on the program that bridges to the incumbent: it is away, hears nothing, lags, or is refused messages.

The series are the program's own (`images/worker/bridge/figures.py`).
"""

from collections.abc import Iterator

from components.alert import Alert, begun, selectors
from components.bridge_settings import HEARTBEAT_SECONDS
from model import Site

# Two connections after three missed heartbeats each: longer is no restart of a broker.
SILENT = 6 * HEARTBEAT_SECONDS
# The oldest message's age in seconds: the usual way there and back takes less than one.
LATE = 60


def bridge_worker_alerts(site: Site) -> Iterator[Alert]:
    """Yield the alerts on the program; none where there is none."""
    if site.bridge_worker is None:
        return
    mine, source = selectors(site).bridge, "incumbent" if site.bridge == "ingress" else "broker"
    yield Alert(
        "BridgeWorkerAway",
        "ticket",
        f"(count(up{mine} == 1) or vector(0)) < 1 {begun(site)} or min by (end) (bridge_connected{mine}) == 0",
        "10m",
        "The bridge to the incumbent is away",
        f"The program does not answer, or a broker does not let it in ({{{{ $labels.end }}}}): nothing crosses "
        f"{_way(site)}.",
    )
    yield Alert(
        "BridgeWorkerHearsNothing",
        "ticket",
        f"max(bridge_source_silent_seconds{mine}) > {SILENT} and on() "
        f'max(bridge_connected{{{mine[1:-1]},end="source"}}) == 1',
        "5m",
        "The bridge hears nothing, though it is connected",
        f"For {{{{ $value }}}} seconds the {source} has given the bridge not even its own heartbeat.",
    )
    yield Alert(
        "BridgeWorkerLags",
        "ticket",
        f"max(bridge_lag_seconds{mine}) > {LATE}",
        "10m",
        "Messages wait for their way over the bridge",
        f"The oldest has waited {{{{ $value }}}} seconds; what comes meanwhile waits in the session at the {source}.",
    )
    yield Alert(
        "BridgeWorkerRefused",
        "ticket",
        f"sum by (reason) (increase(bridge_refused_total{mine}[1h])) > 0",
        "5m",
        "Messages of the bridge are refused, and lost",
        "{{ $labels.reason }}: {{ $value }} in an hour are not taken by the other broker, or not given to the bridge.",
    )


def _way(site: Site) -> str:
    return "inwards" if site.bridge == "ingress" else "outwards"
