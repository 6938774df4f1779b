"""Rules of the sinks: one store each, a user of its own that may read, and a cold tier that somebody asked for."""

from collections.abc import Iterator

from model.ingest import DEAD_LETTER, SPARKPLUG
from model.rules.rule import Finding, rule
from model.sinks import WORKERS
from model.site import Site
from model.words import did_you_mean, listed, quoted


@rule("streams")
def a_sink_has_one_store(site: Site) -> Iterator[Finding]:
    """A sink says exactly one kind of store."""
    for sink in site.streams.sinks:
        if len(sink.stores) != 1:
            found = f"names {listed(sink.stores, 'and')}" if sink.stores else "names no store"
            problem = f"{quoted(sink.name)} {found}"
            yield Finding(
                ("streams", "sinks", sink.name), problem, "write one of timescaledb, influxdb, iceberg"
            )


@rule("streams")
def a_warehouse_is_no_reference(site: Site) -> Iterator[Finding]:
    """Kafka Connect takes `${…}` for a reference to a secret, and has no way to write it otherwise."""
    for sink in site.streams.sinks:
        if sink.iceberg is not None and "${" in sink.iceberg.warehouse:
            key = ("streams", "sinks", sink.name, "iceberg", "warehouse")
            problem = (
                f"{quoted(sink.iceberg.warehouse)} has a `${{`, which Kafka Connect would look up as a secret"
            )
            yield Finding(key, problem, "write the catalog's name of the warehouse without it")


@rule("streams")
def a_sink_reads_as_its_own_user(site: Site) -> Iterator[Finding]:
    """A sink's user is declared, is no other sink's, may read its topics, and may write its dead letters."""
    users, taken = {user.name: user for user in site.streams.users}, dict[str, str]()
    for sink in site.streams.sinks:
        key = ("streams", "sinks", sink.name, "user")
        user = users.get(sink.user)
        if user is None:
            problem = f"{quoted(sink.user)} is not a declared user"
            yield Finding(key, problem, did_you_mean(sink.user, users, "declare it under `streams.users`"))
            continue
        if taken.setdefault(sink.user, sink.name) != sink.name:
            problem = f"{quoted(sink.user)} reads for {taken[sink.user]} already: they would share records"
            yield Finding(key, problem, "declare a user for each sink")
        if sink.user == site.streams.writer:
            problem = f"{quoted(sink.user)} is the broker's own user"
            yield Finding(key, problem, "declare a user for the sink")
        place = ("streams", "users", sink.user)
        if unread := [topic for topic in sink.topics if topic not in user.consume]:
            problem = f"the sink {quoted(sink.name)} reads {listed(unread, 'and')}, and its user may not"
            yield Finding((*place, "consume"), problem, f"add {listed(unread, 'and')}")
        if DEAD_LETTER not in user.produce:
            problem = f"the sink {quoted(sink.name)} has nowhere to put what its store does not take"
            yield Finding((*place, "produce"), problem, f"add {DEAD_LETTER}")


@rule("streams")
def a_sink_reads_declared_topics(site: Site) -> Iterator[Finding]:
    """A sink reads each of its topics once, and never the dead letters, to which it writes."""
    topics = [topic.name for topic in site.streams.topics]
    for sink in site.streams.sinks:
        for index, name in enumerate(sink.topics):
            key = ("streams", "sinks", sink.name, "topics", index)
            if name not in topics:
                yield Finding(key, f"{quoted(name)} is not a declared topic", did_you_mean(name, topics))
            elif name in sink.topics[:index]:
                yield Finding(key, f"{quoted(name)} is listed twice", "list it once")
            elif name == DEAD_LETTER:
                problem = "dead letters would be read and written in a circle"
                yield Finding(key, problem, "leave it out: dead letters are for people")


@rule("streams")
def connectors_have_names_of_their_own(site: Site) -> Iterator[Finding]:
    """A connector is called `<sink>-<topic>`: no two sinks make the same name of different parts."""
    taken = dict[str, str]()
    for sink in site.streams.sinks:
        for index, topic in enumerate(sink.topics):
            name = f"{sink.name}-{topic}"
            if taken.setdefault(name, sink.name) != sink.name:
                key = ("streams", "sinks", sink.name, "topics", index)
                problem = f"the connector {quoted(name)} is the sink {quoted(taken[name])}'s already"
                yield Finding(key, problem, "give one of the two sinks another name")


@rule("streams")
def the_workers_names_are_free(site: Site) -> Iterator[Finding]:
    """No user or topic has a name of the workers' own."""
    for user in site.streams.users:
        if user.name == WORKERS:
            problem = f"{quoted(WORKERS)} is the name of the sinks' workers"
            yield Finding(("streams", "users", user.name, "name"), problem, "choose another name")
    for topic in site.streams.topics:
        if topic.name.startswith(f"{WORKERS}-"):
            problem = f"names that begin with `{WORKERS}-` are those of the sinks' workers"
            yield Finding(("streams", "topics", topic.name, "name"), problem, "choose another name")


@rule("streams", "retention")
def a_cold_sink_is_asked_for(site: Site) -> Iterator[Finding]:
    """An Iceberg sink is there only where data is kept in Iceberg for longer than it is hot."""
    cold = site.retention.cold
    for sink in site.streams.sinks:
        if sink.iceberg is not None and (cold is None or cold.store != "iceberg"):
            problem = f"the sink {quoted(sink.name)} fills a cold tier, and `retention.cold` asks for none"
            remedy = "write `retention.cold` with `store: iceberg` and `retention.total`, or remove the sink"
            yield Finding(("streams", "sinks", sink.name, "iceberg"), problem, remedy)


@rule("streams", "broker")
def influxdb_takes_no_bytes(site: Site) -> Iterator[Finding]:
    """InfluxDB has no type for bytes, which Sparkplug is where the broker does not decode it."""
    if site.sparkplug_is_json:
        return
    for sink in site.streams.sinks:
        for index, topic in enumerate(sink.topics):
            if sink.influxdb is not None and topic == SPARKPLUG:
                key = ("streams", "sinks", sink.name, "topics", index)
                problem = f"{_passes_on(site)} Sparkplug on in bytes, and InfluxDB takes none"
                yield Finding(key, problem, "leave it out, or fill a TimescaleDB from it")


@rule("streams", "broker")
def a_table_takes_text_or_bytes(site: Site) -> Iterator[Finding]:
    """A table's payload is of one type: JSON, or the bytes that Sparkplug is where the broker does not decode it."""
    if site.sparkplug_is_json:
        return
    filled = dict[tuple[str, int, str, str], str]()
    for sink in site.streams.sinks:
        store = sink.timescaledb
        for index, topic in enumerate(sink.topics if store else ()):
            assert store is not None  # noqa: S101 - it has topics here
            other = filled.setdefault((store.host, store.port, store.database, store.table), topic)
            if (topic == SPARKPLUG) != (other == SPARKPLUG):
                key = ("streams", "sinks", sink.name, "topics", index)
                problem = (
                    f"{_passes_on(site)} Sparkplug on in bytes, and {quoted(store.table)} would take them "
                    f"from {quoted(SPARKPLUG)} and JSON from "
                    f"{quoted(other if topic == SPARKPLUG else topic)}"
                )
                yield Finding(key, problem, "fill a table of its own from it, by a sink of its own")


def _passes_on(site: Site) -> str:
    worker = site.streams.worker
    by_choice = worker is not None and not worker.decode_sparkplug
    return "`decode_sparkplug: false` passes" if by_choice else "the opensource edition passes"


RULES = (
    a_sink_has_one_store,
    a_warehouse_is_no_reference,
    a_sink_reads_as_its_own_user,
    a_sink_reads_declared_topics,
    connectors_have_names_of_their_own,
    the_workers_names_are_free,
    a_cold_sink_is_asked_for,
    influxdb_takes_no_bytes,
    a_table_takes_text_or_bytes,
)
