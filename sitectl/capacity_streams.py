"""The streams' part of `sitectl capacity`: the way to Kafka, the servers beside the broker, an absence's cost."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model import Site
    from model.capacity import Headroom
    from model.scaling import Autoscaling

PLACES = {"disk": "on its disk", "memory": "in its memory"}


def described(site: "Site") -> dict[str, object]:
    """Return the streams' capacity as plain data: numbers without units, rates and bytes in a second."""
    from model import neighbours, stream_capacity
    from model.emqx.protection import bounds
    from sitectl import capacity_figures, capacity_workers

    away, topics = stream_capacity.outage(site), {topic.name: topic for topic in site.streams.topics}
    return {
        "neighbours": [capacity_figures.described(figure) for figure, _ in _figures(site)],
        "bridges": neighbours.bridges(site) if site.way_to_kafka == "bridge" else None,
        "workers": capacity_workers.described(site) if site.streams.by_worker else None,
        "servers": [
            {"name": name, "fewest": fewest, "most": more.maximum if more else fewest}
            for name, fewest, more in _servers(site)
        ],
        "delivery": {
            "mode": site.streams.delivery,
            "recordsOfAClient": stream_capacity.client_rate(site),
            "messagesOfAClient": bounds(site.broker).client_messages.count,
        },
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
            for flow in stream_capacity.flows(site)
        ],
        "withoutKafka": {
            "keptOn": away.kept_on,
            "bufferOfANode": away.buffer.count,
            "bytes": away.rate.count,
            "lastsSeconds": away.lasts.seconds,
            "clientsWaitSeconds": away.waits.seconds if away.waits else 0,
            "lost": list(away.lost),
        },
    }


def write(site: "Site") -> None:
    """Print the streams' capacity."""
    from sitectl import capacity_figures, capacity_workers

    capacity_figures.write(_figures(site))
    _write_servers(site)
    _write_delivery(site)
    _write_topics(site)
    # Both while workers run beside the former way.
    if site.way_to_kafka != "worker":
        _write_absence(site)
    if site.streams.by_worker:
        capacity_workers.write(site)


def _figures(site: "Site") -> "list[tuple[Headroom, str]]":
    from model import neighbours, stream_capacity

    bridged = (stream_capacity.bridged(site), "raise broker.cores or broker.replicas")
    return [bridged, *((entry.figure, entry.remedy) for entry in neighbours.neighbours(site))]


def _write_delivery(site: "Site") -> None:
    from model import stream_capacity
    from model.emqx.protection import bounds

    keeps_up, may_send = stream_capacity.client_rate(site), bounds(site.broker).client_messages.count
    click.echo(f"delivery: {site.streams.delivery}: {keeps_up}/s of one client go to Kafka at once", nl=False)
    click.echo(f"; it may send {may_send}/s, and what is more waits\n" if may_send > keeps_up else "\n")


def _servers(site: "Site") -> "list[tuple[str, int, Autoscaling | None]]":
    """Return the stateless servers beside the broker: a name, how many at least, and when there are more."""
    from model import neighbours
    from sitectl import capacity_workers

    policy, proxy = site.policy, site.identity.dashboard.proxy
    bridge = site.streams.bridge
    proxies = ("dashboard proxies", proxy.replicas, proxy.autoscaling)
    to_kafka: list[tuple[str, int, Autoscaling | None]] = []
    if site.way_to_kafka == "bridge":
        named = f"Kafka bridges ({bridge.cores} CPU, {bridge.memory})"
        to_kafka = [(named, neighbours.bridges(site), bridge.autoscaling)]
    if site.streams.by_worker:
        to_kafka += [(name, number, None) for name, number in capacity_workers.servers(site)]
    return [
        *to_kafka,
        ("policy servers", policy.replicas, policy.autoscaling),
        proxies,
    ]


def _write_servers(site: "Site") -> None:
    from sitectl import output

    output.write_table(
        ("stateless servers", "at least", "at most", "more at"),
        [
            (
                name,
                str(fewest),
                *(("", "") if more is None else (str(more.maximum), f"{more.cpu} of its cores")),
            )
            for name, fewest, more in _servers(site)
        ],
    )
    click.echo()


def _write_topics(site: "Site") -> None:
    from model.stream_capacity import flows
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


def _write_absence(site: "Site") -> None:
    from model.stream_capacity import mebibytes, outage

    away = outage(site)
    click.echo(
        f"\nwithout Kafka: each node keeps {away.buffer} {PLACES[away.kept_on]}, {mebibytes(away.rate.count)} come "
        f"in a second at the peak: it lasts {away.lasts}. Lost are then:"
    )
    for loss in away.lost:
        click.echo(f"  - {loss}")
    if away.waits:
        click.echo(f"Each client waits {away.waits} for the acknowledgement of each message meanwhile.")
