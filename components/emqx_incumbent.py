"""EMQX's bridge to the broker that is replaced: what comes in, or what goes out, or nothing, as the phase says.

Where a program is the bridge (`components/bridge_worker.py`), EMQX is none.
"""

from components.emqx_integration import CHECKS
from components.emqx_mounts import INCUMBENT_FOLDER
from model import Site, incumbent_bridge
from model.emqx.integration import (
    Delivery,
    MqttAction,
    MqttConnector,
    MqttSource,
    Publication,
    Republication,
    Republish,
    Rule,
    ServerTls,
    Subscription,
)
from model.incumbent_bridge import Crossing
from model.units import Bytes, Duration

_INCUMBENT = "incumbent"
# MQTT keeps the order of one connection; messages in flight on it are acknowledged in order, too.
_INFLIGHT = 32
_WAITING = Bytes(256 * 2**20)


def connectors(site: Site) -> dict[str, MqttConnector] | None:
    """Return the connection to the incumbent; None when there is no bridge."""
    if site.brokers_bridge == "none":
        return None
    incumbent, folder = site.incumbent, INCUMBENT_FOLDER
    shown = incumbent.client_certificate
    return {
        _INCUMBENT: MqttConnector(
            server=f"{incumbent.address}:{incumbent.port}",
            # Who only publishes begins afresh (EMQX warns of anything else): a node whose direction changed has no
            # share any more in what it was subscribed to.
            clean_start=site.brokers_bridge == "egress",
            clientid_prefix=f"{site.name}-bridge",
            username=user(site),
            password=f"file://{folder}/password",
            keepalive=Duration(60),
            pool_size=1,
            ssl=ServerTls(
                cacertfile=f"{folder}/ca.crt",
                certfile=f"{folder}/tls.crt" if shown else None,
                keyfile=f"{folder}/tls.key" if shown else None,
                server_name_indication=incumbent.address,
            ),
            resource_opts=CHECKS,
        )
    }


def sources(site: Site) -> dict[str, MqttSource] | None:
    """Return what is subscribed to at the incumbent; None unless the bridge leads inwards.

    Each node has a connection of its own, so they share the subscription: every message comes once.
    """
    if site.brokers_bridge != "ingress":
        return None
    return {
        name: MqttSource(
            connector=_INCUMBENT,
            parameters=Subscription(topic=f"$share/{site.name}-bridge/{crossing.theirs}/#"),
            resource_opts=CHECKS,
        )
        for name, crossing in _named(site).items()
    }


def actions(site: Site) -> dict[str, MqttAction] | None:
    """Return what is published at the incumbent; None unless the bridge leads outwards."""
    if site.brokers_bridge != "egress":
        return None
    return {
        _INCUMBENT: MqttAction(
            connector=_INCUMBENT,
            parameters=Publication(topic="${moved}", qos="${qos}", retain="${retain}", payload="${payload}"),
            resource_opts=Delivery(
                health_check_interval=CHECKS.health_check_interval,
                query_mode="async",
                inflight_window=_INFLIGHT,
                worker_pool_size=1,
                max_buffer_bytes=_WAITING,
            ),
        )
    }


def rules(site: Site) -> dict[str, Rule]:
    """Return the rules of the bridge; none when there is none."""
    named = _named(site)
    if site.brokers_bridge == "ingress":
        return {
            f"{incumbent_bridge.INWARD_RULE}_{name}": _inward(site, name, crossing)
            for name, crossing in named.items()
        }
    if site.brokers_bridge == "egress":
        return {f"incumbent_out_{name}": _outward(site, crossing) for name, crossing in named.items()}
    return {}


def user(site: Site) -> str:
    """Return the bridge's user name at the incumbent."""
    return site.incumbent.user or f"{site.name}-bridge"


def _inward(site: Site, source: str, crossing: Crossing) -> Rule:
    return Rule(
        # Every part is the kit's own or a name of the site's, which holds no quotes.
        sql=f"SELECT {crossing.inward_sql} as moved, payload, qos, retain "  # noqa: S608 - EMQX's rule SQL
        f'FROM "$bridges/mqtt:{source}" WHERE {_conditions(crossing, incumbent_bridge.NOT_CROSSED_BEFORE)}',
        actions=(
            Republish(
                args=Republication(topic="${moved}", qos="${qos}", retain="${retain}", payload="${payload}")
            ),
        ),
        description=f"From {site.incumbent.product}: {crossing.theirs}/# as {crossing.ours}/#",
    )


def _outward(site: Site, crossing: Crossing) -> Rule:
    return Rule(
        # `*`, because EMQX's MQTT action looks for the properties under the event's own key: a column that is selected
        # by name alone has another, and its properties are not sent.
        sql=f"SELECT *, {crossing.outward_sql} as moved, flags.retain as retain, "  # noqa: S608 - as above
        f"{incumbent_bridge.marked(site)} as pub_props "
        f'FROM "{crossing.ours}/#" WHERE {_conditions(crossing, incumbent_bridge.NOT_BROUGHT_IN)}',
        actions=(f"mqtt:{_INCUMBENT}",),
        description=f"To {site.incumbent.product}: {crossing.ours}/# as {crossing.theirs}/#",
    )


def _conditions(crossing: Crossing, own: str) -> str:
    return " and ".join(filter(None, (own, crossing.condition_sql)))


def _named(site: Site) -> dict[str, Crossing]:
    return {
        f"space_{number}": crossing for number, crossing in enumerate(incumbent_bridge.crossings(site), 1)
    }
