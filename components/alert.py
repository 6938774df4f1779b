"""What an alert is, and how the series of one site are selected."""

from dataclasses import dataclass

from model import Site
from model.bridge_worker import BRIDGE
from model.monitoring import AlertName
from model.slo import Severity
from model.units import Duration
from model.worker import MAIN

SERVING = "iot_broker:serving"
ERRORS = "iot_broker:errors:ratio"
# The shortest time over which a rate is taken. Four scrapes: one may be late and one lost, and two samples remain.
SHORTEST_WINDOW = Duration(300)
SCRAPES_OF_A_WINDOW = 4
# As long as the longest window of the error budget: whoever was away for longer begins anew.
REMEMBERED = "3d"


@dataclass(frozen=True)
class Alert:
    """One alert: it fires when `expression` (PromQL) held for the time `held`, in Prometheus' notation."""

    name: AlertName
    severity: Severity
    expression: str
    held: str
    summary: str
    description: str


@dataclass(frozen=True)
class Selectors:
    """The label matchers, with braces, of the site's series."""

    site: str
    broker: str
    access: str
    rules: str
    integration: str
    sinks: str
    workers: str
    bridge: str
    policy: str
    decisions: str
    failed_decisions: str


def selectors(site: Site) -> Selectors:
    """Return the matchers of a site: its namespace, and the jobs that its monitors make."""
    namespace = f'namespace="{site.namespace}"'
    # OPA counts each request once as `authz`, with the code that it ends with, whatever else it counts.
    decisions = f'{namespace},job="opa",handler="authz",method="post"'
    # All HTTP actions of the opensource edition lead to Kafka's bridge.
    ways = "kafka_producer" if site.broker.writes_kafka else "http"
    return Selectors(
        site=f'{{site="{site.name}"}}',
        broker=f'{{{namespace},job="emqx",part="stats"}}',
        access=f'{{{namespace},job="emqx",part="auth"}}',
        rules=f'{{{namespace},job="emqx",part="data_integration"}}',
        integration=f'{{{namespace},job="emqx",part="data_integration",id=~".*{ways}:.*"}}',
        sinks=f'{{{namespace},job="kafka-connect"}}',
        workers=f'{{{namespace},job="{MAIN}"}}',
        bridge=f'{{{namespace},job="{BRIDGE}"}}',
        policy=f'{{{namespace},job="opa"}}',
        decisions=f"{{{decisions}}}",
        failed_decisions=f'{{{decisions},code!="200"}}',
    )


def narrowed(matchers: str, more: str) -> str:
    """Return label matchers, with braces, to which others are added."""
    return f"{matchers[:-1]},{more}}}"


def window(site: Site) -> str:
    """Return the shortest time over which a rate may be taken, in Prometheus' notation.

    A rate needs two samples, also when a scrape is late or lost.
    """
    seconds = max(SHORTEST_WINDOW.seconds, SCRAPES_OF_A_WINDOW * site.monitoring.scrape_interval.seconds)
    return Duration(seconds).prometheus()


def begun(site: Site) -> str:
    """Return what is there once the broker has served for the first time, for an expression without labels.

    Before that nothing is missing: a first deployment takes its time.
    """
    return f"and on() present_over_time({SERVING}{selectors(site).site}[{REMEMBERED}])"
