"""Rules of the way to Kafka: it carries the largest message, and the peak with nodes and a bridge lost."""

from collections.abc import Iterator

from model.capacity import nodes_lost
from model.ingest import DEAD_LETTER, TOPICS, written_topics
from model.neighbours import (
    MOST_BRIDGES,
    bridged_connections,
    bridged_records,
    bridges,
    least_memory,
    needed_bridges,
)
from model.record_size import kibibytes, largest_acceptable, largest_dead_letter, largest_record
from model.rules.rule import Finding, rule
from model.site import Site
from model.stream_capacity import lanes_carry, mebibytes, waiting
from model.units import Bytes, Duration
from model.words import quoted

# Longer than this a client takes the broker for lost: MQTT clients wait some 30 s for an acknowledgement.
LONGEST_WAIT = Duration(30)


@rule("streams", "broker")
def bridges_carry_the_peak(site: Site) -> Iterator[Finding]:
    """All Kafka bridges but one take the records of the peak, each as a request of its own."""
    if site.way_to_kafka != "bridge":
        return
    figure, needed = bridged_records(site), needed_bridges(site)
    if bridges(site) > MOST_BRIDGES or (not figure.enough and needed > MOST_BRIDGES):
        problem = f"the peak brings {figure.peak} records a second, which take {needed} Kafka bridges"
        remedy = "give each more cores (two at most are used), or choose `edition: enterprise`, which needs no bridge"
        yield Finding(("streams", "bridge", "cores"), problem, remedy)
    elif not figure.enough:
        problem = (
            f"the peak brings {figure.peak} records a second over the Kafka bridges, and all of them but one carry "
            f"{figure.carried}"
        )
        remedy = f"write {needed} or more, leave it out, or give each more cores"
        yield Finding(("streams", "bridge", "replicas"), problem, remedy)


@rule("streams", "broker")
def bridges_hold_the_connections(site: Site) -> Iterator[Finding]:
    """All Kafka bridges but one have memory for the broker's connections, each with a producer of its own."""
    if site.way_to_kafka != "bridge":
        return
    figure = bridged_connections(site)
    if figure.enough:
        return
    memory = site.streams.bridge.memory
    problem = (
        f"{quoted(memory)} on all bridges but one does not hold the {figure.peak} connections of the broker"
    )
    remedy = f"write {least_memory(site)} or more, or add bridges"
    yield Finding(("streams", "bridge", "memory"), problem, remedy)


@rule("streams", "broker")
def lanes_carry_the_peak(site: Site) -> Iterator[Finding]:
    """The workers that EMQX allows for a topic, with what each has in flight, carry its share of the peak."""
    if site.way_to_kafka != "bridge":
        return
    for topic in site.streams.topics:
        carried = lanes_carry(site, topic)
        records = int(site.broker.load.messages.count * topic.share.ratio)
        if topic.name in TOPICS and records > carried:
            problem = (
                f"{topic.name} has {records} records a second at the peak, and with {nodes_lost(site.broker)} "
                f"lost EMQX's buffer workers carry {carried}"
            )
            remedy = "add broker nodes, or write `unordered`, or choose `edition: enterprise`"
            yield Finding(("streams", "delivery"), problem, remedy)


@rule("streams", "broker")
def topics_take_the_largest_message(site: Site) -> Iterator[Finding]:
    """What the broker accepts fits the topic that it goes to, with its key and headers: nobody sends it again."""
    largest = site.broker.protection.largest_message
    for topic in site.streams.topics:
        if topic.name not in written_topics(site) or topic.maximum_message is None:
            continue
        needed = kibibytes(largest_record(site, topic.name))
        if 0 < topic.maximum_message.count < needed.count:
            problem = (
                f"{quoted(topic.maximum_message)} does not take every record of a message of up to {largest}, with "
                "its key and headers; the record would be acknowledged, and then lost"
            )
            remedy = f"write {needed} or more, leave it out, or lower `broker.protection.largest_message`"
            yield Finding(("streams", "topics", topic.name, "maximum_message"), problem, remedy)


@rule("streams", "broker")
def dead_letters_take_what_a_sink_refuses(site: Site) -> Iterator[Finding]:
    """What a sink refuses fits the dead letters' topic, as it was and with what is said of it."""
    needed, written = largest_dead_letter(site), kibibytes(largest_record(site, DEAD_LETTER))
    for topic in site.streams.topics:
        largest = topic.maximum_message
        # Less than the broker's own dead letters need has a rule of its own.
        if topic.name != DEAD_LETTER or largest is None or not written.count <= largest.count < needed.count:
            continue
        problem = (
            f"{quoted(largest)} does not take every record that a sink refuses, with what the headers say of it; "
            "the record would be skipped, and then lost"
        )
        remedy = f"write {needed} or more, leave it out, or lower `broker.protection.largest_message`"
        yield Finding(("streams", "topics", topic.name, "maximum_message"), problem, remedy)


@rule("streams", "broker")
def the_way_takes_the_largest_message(site: Site) -> Iterator[Finding]:
    """The largest message fits a request to the bridge or to Kafka, and the queues of a node fit its memory."""
    largest, most = site.broker.protection.largest_message, largest_acceptable(site)
    key = ("broker", "protection", "largest_message")
    if largest.count > most.count:
        way = (
            "a request to the Kafka bridge (10MiB)" if site.way_to_kafka == "bridge" else "a request to Kafka"
        )
        problem = f"{quoted(largest)} is more than fits {way} with what goes with it"
        yield Finding(key, problem, f"write {most} or less")
        return
    # What waits for workers has a rule of its own, as has a buffer that the site writes.
    if site.way_to_kafka == "worker" or site.streams.buffer is not None:
        return
    room, full = Bytes(site.broker.memory.count // 2), mebibytes(waiting(site).count)
    if not site.broker.keeps_on_disk and full.count > room.count:
        problem = (
            f"queues that each take a message of {largest} are {full} on a node of {site.broker.memory}: Kafka's "
            "absence would become the broker's"
        )
        yield Finding(key, problem, "write less, or give the broker more memory")


@rule("streams")
def waiting_ends(site: Site) -> Iterator[Finding]:
    """An acknowledgement that waits for Kafka waits for some time, and not for ever."""
    wanted = site.streams.await_at_most
    if not 1 <= wanted.seconds <= LONGEST_WAIT.seconds:
        problem = f"{quoted(wanted)} is no time that a client waits for its acknowledgement"
        yield Finding(("streams", "await_at_most"), problem, f"write from 1s to {LONGEST_WAIT}")


RULES = (
    bridges_carry_the_peak,
    bridges_hold_the_connections,
    lanes_carry_the_peak,
    topics_take_the_largest_message,
    dead_letters_take_what_a_sink_refuses,
    the_way_takes_the_largest_message,
    waiting_ends,
)
