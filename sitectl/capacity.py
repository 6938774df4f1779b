"""`sitectl capacity SITE`: what the peak takes of broker and streams, when to add, and what is lost without Kafka."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model import Site
    from model.broker import Broker
    from model.capacity import Headroom
    from model.emqx.protection import Bounds

# How much the peak may have grown, for the table of cores: as it is, half as much again, twice, four times.
GROWTH = ("1", "1.5", "2", "4")


@click.command("capacity")
@click.argument("site")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(site: str, as_json: bool) -> None:
    """Show what SITE's broker and streams carry when nodes are lost, when to add, and what is lost without Kafka."""
    from model.estate import load_estate
    from sitectl import output, problems
    from sitectl.root import program_root

    estate = load_estate(program_root() / "stacks", [site])
    # A site whose peak is not carried is no valid site: it is refused here, with the remedy.
    if estate.errors:
        problems.refuse_data(estate.errors)
    (found,) = estate.sites
    if as_json:
        output.write_json(described(found))
    else:
        _print(found)


def described(site: "Site") -> dict[str, object]:
    """Return the site's capacity as plain data: numbers without units, rates and bytes in a second."""
    from model.capacity import door_limits, headroom, nodes_left
    from model.derived import derived
    from model.emqx.protection import away, bounds
    from sitectl import capacity_figures, capacity_streams

    limits = bounds(site.broker)
    return {
        "site": site.name,
        "nodes": site.broker.nodes,
        "serving": site.broker.serving,
        "nodesLeft": nodes_left(site.broker),
        "size": {"cores": float(site.broker.cores), "memory": site.broker.memory.count},
        "derived": sorted(derived(site)),
        "figures": [capacity_figures.described(figure) for figure in headroom(site.broker)],
        "cores": [{"growth": float(growth), "cores": float(cores)} for growth, cores in _cores(site)],
        "client": {
            "messages": limits.client_messages.count,
            "bytes": limits.client_bytes.count,
            "memory": limits.client_memory.count,
            "queue": limits.queue,
        },
        "readers": {
            "sessions": site.broker.load.all_readers,
            "awaySeconds": round(float(away(site.broker)), 1),
            "awaySecondsFromAnAsset": round(float(away(site.broker, _asset(site))), 1),
        },
        "retainedMessages": limits.retained_messages,
        "listeners": [
            {
                "listener": name,
                "maxConnections": found.max_connections,
                "connectionRate": found.connection_rate.count,
            }
            for name, found in door_limits(site.broker).items()
        ],
        **capacity_streams.described(site),
    }


def _print(site: "Site") -> None:
    from model.capacity import headroom, nodes_left, nodes_lost
    from model.emqx.protection import bounds
    from sitectl import capacity_figures, capacity_streams, output

    broker = site.broker
    click.echo(
        f"{site.name}: {_nodes(broker)} of {_size(broker, 'cores')} cores and {_size(broker, 'memory')}; "
        f"carried means by {nodes_left(broker)}, with {nodes_lost(broker)} lost\n"
    )
    capacity_figures.write([(figure, _remedy(figure)) for figure in headroom(broker)])
    output.write_table(
        ("peak of messages", "cores of each node"),
        [(f"{growth} times", str(cores)) for growth, cores in _cores(site)],
    )
    click.echo()
    output.write_table(("listener, on each node", "connections", "new in a second"), [*_doors(broker)])
    click.echo()
    output.write_table(("bound", "value"), _bounds(bounds(broker)))
    click.echo()
    _write_readers(site)
    capacity_streams.write(site)


def _write_readers(site: "Site") -> None:
    """Print for how long a session's queue holds what comes while its reader is away or stalls."""
    from model.emqx.protection import away
    from sitectl import output

    assets = len(site.assets_in_scope)
    rows = [
        ("the whole site", _seconds(away(site.broker))),
        (f"one of {assets} assets", _seconds(away(site.broker, _asset(site)))),
    ]
    output.write_table(("a session that reads", "may be away at the peak"), rows)
    click.echo(
        f"reckoned for {site.broker.load.all_readers} sessions that read the whole site at the same time\n"
    )


def _asset(site: "Site") -> Fraction:
    return Fraction(1, max(len(site.assets_in_scope), 1))


def _seconds(count: Fraction) -> str:
    from model.units import Duration

    return str(Duration(int(count))) if count >= 1 else f"{int(count * 1000)}ms"


def _nodes(broker: "Broker") -> str:
    if not broker.replicant_nodes:
        return f"{broker.replicas} nodes"
    return f"{broker.replicant_nodes} replicants beside {broker.replicas} core nodes, each"


def _size(broker: "Broker", name: str) -> str:
    return _marked(getattr(broker, name), name in broker.model_fields_set or None)


def _remedy(figure: "Headroom") -> str:
    return {
        "messages": "raise broker.cores or broker.replicas",
        "connections": "raise broker.memory or broker.replicas",
        "accepted devices": "raise max_connections of broker.listeners.mqtts, or broker.replicas",
        "accepted people": "raise max_connections of broker.listeners.wss, or broker.replicas",
        "accepted gateways": "raise max_connections of broker.listeners.gateway, or broker.replicas",
    }[figure.what]


def _cores(site: "Site") -> list[tuple[str, Decimal]]:
    from model import capacity, stream_capacity

    def cores(growth: Decimal) -> Decimal:
        return max(capacity.cores_at(site.broker, growth), stream_capacity.cores_at(site, growth))

    return [(growth, cores(Decimal(growth))) for growth in GROWTH]


def _doors(broker: "Broker") -> Iterator[tuple[str, str, str]]:
    from model.capacity import door_limits

    for name, limits in door_limits(broker).items():
        said = broker.listeners.by_name[name]
        yield (
            name,
            _marked(limits.max_connections, said.max_connections),
            _marked(limits.connection_rate, said.connection_rate),
        )


def _marked(value: object, said: object | None) -> str:
    """Write a value, and that it is derived where the site does not say it."""
    return str(value) if said is not None else f"{value} (derived)"


def _bounds(limits: "Bounds") -> list[tuple[str, str]]:
    return [
        ("messages of one client", str(limits.client_messages)),
        ("bytes of one client", f"{limits.client_bytes}/s"),
        ("memory of one client", str(limits.client_memory)),
        ("messages that wait for one client", str(limits.queue)),
        ("retained messages", str(limits.retained_messages)),
    ]
