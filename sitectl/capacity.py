"""`sitectl capacity SITE`: what the peak takes of broker and streams, when to add, and what is lost without Kafka."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model import Site
    from model.broker import Broker
    from model.capacity import Headroom
    from model.emqx.protection import Bounds

# How much the peak may have grown, for the table of cores: as it is, half as much again, twice, four times.
GROWTH = ("1", "1.5", "2", "4")
UNITS = {"messages": "/s"}
PLACES = {"disk": "on its disk", "memory": "in its memory"}


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
        problems.refuse(problems.worded(estate.errors))
    (found,) = estate.sites
    if as_json:
        output.write_json(described(found))
    else:
        _print(found)


def described(site: "Site") -> dict[str, object]:
    """Return the site's capacity as plain data: numbers without units, rates and bytes in a second."""
    from model.capacity import door_limits, headroom, nodes_left
    from model.derived import derived
    from model.emqx.protection import bounds

    limits = bounds(site.broker)
    return {
        "site": site.name,
        "nodes": site.broker.nodes,
        "serving": site.broker.serving,
        "nodesLeft": nodes_left(site.broker),
        "size": {"cores": float(site.broker.cores), "memory": site.broker.memory.count},
        "derived": sorted(derived(site)),
        "figures": [
            {
                "what": figure.what,
                "peak": figure.peak,
                "carried": figure.carried,
                "used": round(float(figure.used), 4),
                "addAt": figure.add_at,
                "timeToAdd": figure.peak >= figure.add_at,
            }
            for figure in headroom(site.broker)
        ],
        "cores": [{"growth": float(growth), "cores": float(cores)} for growth, cores in _cores(site)],
        "client": {
            "messages": limits.client_messages.count,
            "bytes": limits.client_bytes.count,
            "memory": limits.client_memory.count,
            "queue": limits.queue,
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
        **_streams(site),
    }


def _streams(site: "Site") -> dict[str, object]:
    from model.stream_capacity import flows, outage

    away, topics = outage(site), {topic.name: topic for topic in site.streams.topics}
    return {
        "topics": [
            {
                "topic": flow.topic,
                "records": flow.records,
                "bytes": flow.bytes.count,
                "partitions": flow.partitions,
                "needed": flow.needed,
                "enough": flow.enough,
                "replaySeconds": site.streams.retention(topics[flow.topic]).seconds,
            }
            for flow in flows(site)
        ],
        "withoutKafka": {
            "keptOn": away.kept_on,
            "bufferOfANode": away.buffer.count,
            "bytes": away.rate.count,
            "lastsSeconds": away.lasts.seconds,
            "lost": list(away.lost),
        },
    }


def _print(site: "Site") -> None:
    from model.capacity import headroom, nodes_left
    from model.emqx.protection import bounds
    from sitectl import output

    broker = site.broker
    click.echo(
        f"{site.name}: {_nodes(broker)} of {_size(broker, 'cores')} cores and {_size(broker, 'memory')}; "
        f"carried means by {nodes_left(broker)}, with {_lost(broker)} lost\n"
    )
    figures = headroom(broker)
    output.write_table(("what", "peak", "carried", "used", "add at"), [_row(figure) for figure in figures])
    click.echo()
    for figure in figures:
        if figure.peak >= figure.add_at:
            click.echo(f"{output.paint('time to add', 'warning')}: {figure.what}: {_remedy(figure)}")
    output.write_table(
        ("peak of messages", "cores of each node"),
        [(f"{growth} times", str(cores)) for growth, cores in _cores(site)],
    )
    click.echo()
    output.write_table(("listener, on each node", "connections", "new in a second"), [*_doors(broker)])
    click.echo()
    output.write_table(("bound", "value"), _bounds(bounds(broker)))
    click.echo()
    _print_streams(site)


def _print_streams(site: "Site") -> None:
    from model.stream_capacity import flows, mebibytes, outage
    from sitectl import output

    topics = {topic.name: topic for topic in site.streams.topics}
    output.write_table(
        ("topic", "peak", "partitions", "needed", "replay"),
        [
            (
                flow.topic,
                f"{flow.records}/s",
                str(flow.partitions),
                str(flow.needed),
                str(site.streams.retention(topics[flow.topic])),
            )
            for flow in flows(site)
        ],
    )
    for flow in flows(site):
        if not flow.enough:
            warning = output.paint("too few partitions", "warning")
            click.echo(f"{warning}: {flow.topic}: plan a new topic (docs/streams.md)")
    away = outage(site)
    click.echo(
        f"\nwithout Kafka: each node keeps {away.buffer} {PLACES[away.kept_on]}, {mebibytes(away.rate.count)} come "
        f"in a second at the peak: it lasts {away.lasts}. Lost are then:"
    )
    for loss in away.lost:
        click.echo(f"  - {loss}")


def _nodes(broker: "Broker") -> str:
    if broker.replicants is None:
        return f"{broker.replicas} nodes"
    return f"{broker.replicants.replicas} replicants beside {broker.replicas} core nodes, each"


def _lost(broker: "Broker") -> str:
    return "one node" if broker.max_unavailable == 1 else f"{broker.max_unavailable} nodes"


def _size(broker: "Broker", name: str) -> str:
    return _marked(getattr(broker, name), name in broker.model_fields_set or None)


def _row(figure: "Headroom") -> tuple[str, ...]:
    unit = UNITS.get(figure.what, "")
    return (
        figure.what,
        f"{figure.peak}{unit}",
        f"{figure.carried}{unit}",
        f"{figure.used:.0%}",
        f"{figure.add_at}{unit}",
    )


def _remedy(figure: "Headroom") -> str:
    return {
        "messages": "raise broker.cores or broker.replicas",
        "connections": "raise broker.memory or broker.replicas",
        "accepted devices": "raise max_connections of broker.listeners.mqtts, or broker.replicas",
        "accepted people": "raise max_connections of broker.listeners.wss, or broker.replicas",
        "accepted gateways": "raise max_connections of broker.listeners.gateway, or broker.replicas",
    }[figure.what]


def _cores(site: "Site") -> list[tuple[str, Decimal]]:
    from model.capacity import cores_at

    return [(growth, cores_at(site.broker, Decimal(growth))) for growth in GROWTH]


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
