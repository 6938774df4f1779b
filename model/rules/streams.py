"""Rules of the streams: copies, and users that touch declared topics only."""

from collections.abc import Iterator

from model.ingest import TOPICS
from model.rules.rule import Finding, rule
from model.site import Site
from model.stream_capacity import flows, mebibytes, partitions
from model.units import Bytes
from model.words import did_you_mean, listed, quoted

LONGEST_NAME = 64
# Kafka's own limit on an integer property such as max.message.bytes.
LARGEST_MESSAGE = Bytes(2**31 - 1)


@rule("streams")
def a_kafka_broker_may_go(site: Site) -> Iterator[Finding]:
    """Fewer copies than there are must have a record, so that one Kafka broker may go."""
    streams = site.streams
    if streams.minimum_in_sync >= streams.replication:
        problem = (
            f"{quoted(streams.minimum_in_sync)} of {streams.replication} copies must have a record: "
            "no Kafka broker may go"
        )
        remedy = (
            f"write {streams.replication - 1}" if streams.replication > 1 else "raise the replication to 3"
        )
        yield Finding(("streams", "minimum_in_sync"), problem, remedy)


@rule("streams")
def users_touch_declared_topics(site: Site) -> Iterator[Finding]:
    """A user produces and consumes only topics of the site, each listed once."""
    topics = [topic.name for topic in site.streams.topics]
    for user in site.streams.users:
        for verb, names in (("produce", user.produce), ("consume", user.consume)):
            for index, name in enumerate(names):
                key = ("streams", "users", user.name, verb, index)
                if name not in topics:
                    yield Finding(key, f"{quoted(name)} is not a declared topic", did_you_mean(name, topics))
                elif name in names[:index]:
                    yield Finding(key, f"{quoted(name)} is listed twice", "list it once")


@rule("streams")
def users_have_a_purpose(site: Site) -> Iterator[Finding]:
    """A user does something, and one that consumes has a consumer group."""
    groups: dict[str, str] = {}
    for user in site.streams.users:
        key = ("streams", "users", user.name)
        if not (user.produce or user.consume):
            problem = f"{quoted(user.name)} neither produces nor consumes"
            yield Finding((*key, "consume"), problem, "list topics, or remove the user")
        if user.consume and user.group is None:
            problem = f"{quoted(user.name)} consumes without a consumer group"
            yield Finding((*key, "group"), problem, f"add `group: {user.name}`")
        if user.group is not None and not user.consume:
            problem = f"{quoted(user.name)} has a consumer group, and consumes nothing"
            yield Finding((*key, "group"), problem, "leave the group out, or list topics to consume")
        if user.group is not None and groups.setdefault(user.group, user.name) != user.name:
            problem = (
                f"group {quoted(user.group)} is {groups[user.group]}'s already: they would share records"
            )
            yield Finding((*key, "group"), problem, f"write `group: {user.name}`")


@rule("streams")
def topics_hold_records(site: Site) -> Iterator[Finding]:
    """A topic keeps records for some time and takes records of some size."""
    for topic in site.streams.topics:
        key = ("streams", "topics", topic.name)
        if topic.retention is not None and topic.retention.seconds == 0:
            yield Finding((*key, "retention"), "`0s` keeps nothing", "write a time, like `7d`")
        largest = topic.maximum_message
        if largest is not None and not 0 < largest.count <= LARGEST_MESSAGE.count:
            problem = f"{quoted(largest)} is out of bounds"
            yield Finding((*key, "maximum_message"), problem, "write a size, like `1MiB`, below 2GiB")


@rule("streams", "broker")
def made_topics_keep_their_partitions(site: Site) -> Iterator[Finding]:
    """A topic keeps the partitions that it was made with: more would part a device's records from the next ones."""
    for topic in site.streams.topics:
        asked = partitions(site, topic)
        if topic.made_with is None or topic.made_with == asked:
            continue
        key = ("streams", "topics", topic.name, "made_with")
        cause = "is written" if topic.partitions else "is what the peak asks for"
        problem = (
            f"the topic was made with {quoted(topic.made_with)} partitions, and {asked} {cause}: keys would move to "
            "other partitions, and devices lose their order"
        )
        remedy = f"write `partitions: {topic.made_with}` beside it, or make a new topic (docs/streams.md)"
        yield Finding(key, problem, remedy)


@rule("streams")
def the_data_path_can_write(site: Site) -> Iterator[Finding]:
    """The broker's user is declared, and produces each topic that messages are routed to.

    Workers have users of their own, and rules of their own for them.
    """
    if site.streams.by_worker_alone:
        return
    users = {user.name: user for user in site.streams.users}
    key = ("streams", "writer")
    writer = users.get(site.streams.writer)
    if writer is None:
        yield Finding(
            key,
            f"{quoted(site.streams.writer)} is not a declared user",
            did_you_mean(site.streams.writer, users, "declare it under `streams.users`"),
        )
        return
    topics = {topic.name for topic in site.streams.topics}
    if gone := [topic for topic in TOPICS if topic not in topics]:
        problem = f"the broker writes to {listed(gone, 'and')}, and the site has no such topic"
        yield Finding(("streams", "topics"), problem, f"leave {listed(gone, 'and')} in")
    if unwritten := [topic for topic in TOPICS if topic in topics and topic not in writer.produce]:
        problem = f"the broker's user {quoted(writer.name)} does not produce {listed(unwritten, 'and')}"
        yield Finding(
            ("streams", "users", writer.name, "produce"), problem, f"add {listed(unwritten, 'and')}"
        )


@rule("streams", "broker")
def the_quota_lets_the_peak_through(site: Site) -> Iterator[Finding]:
    """A producer's quota, on as many Kafka brokers as there are copies, carries the peak."""
    streams = site.streams
    peak = sum(flow.bytes.count for flow in flows(site))
    if peak > streams.quota.produce.count * streams.replication:
        problem = (
            f"{quoted(streams.quota.produce)} a second on each of {streams.replication} Kafka brokers is less "
            f"than the peak's {mebibytes(peak)}"
        )
        least = mebibytes(-(-peak // streams.replication))
        yield Finding(("streams", "quota", "produce"), problem, f"write {least} or more")


@rule("streams", "broker")
def the_buffer_fits_its_node(site: Site) -> Iterator[Finding]:
    """What waits for Kafka leaves room on the node's disk (enterprise) or in its memory (opensource)."""
    wanted, broker = site.streams.buffer, site.broker
    # Beside workers it has no effect, which another rule says.
    if wanted is None or site.streams.by_worker_alone:
        return
    on_disk = broker.keeps_on_disk
    room = broker.storage.size.count * 3 // 4 if on_disk else broker.memory.count // 4
    if not 2**20 <= wanted.count <= room:
        place = f"disk of {broker.storage.size}" if on_disk else f"memory of {broker.memory}"
        problem = f"{quoted(wanted)} does not fit a {place}"
        yield Finding(("streams", "buffer"), problem, f"write from 1MiB to {Bytes(room)}")


@rule("streams", "name")
def full_names_fit(site: Site) -> Iterator[Finding]:
    """The full names, with the site's prefix, are not too long for Kubernetes and Kafka."""
    for kind in ("topics", "users"):
        for item in getattr(site.streams, kind):
            full = f"{site.name}.{item.name}"
            if len(full) > LONGEST_NAME:
                problem = f"the full name {quoted(full)} is longer than {LONGEST_NAME} characters"
                yield Finding(("streams", kind, item.name, "name"), problem, "shorten it")


RULES = (
    a_kafka_broker_may_go,
    users_touch_declared_topics,
    users_have_a_purpose,
    topics_hold_records,
    made_topics_keep_their_partitions,
    the_data_path_can_write,
    the_quota_lets_the_peak_through,
    the_buffer_fits_its_node,
    full_names_fit,
)
