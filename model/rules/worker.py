"""Rules of the workers to Kafka: their own topics and users, a peak and a backlog that fit, no key without effect."""

from collections.abc import Iterator

from model.ingest import BIRTHS, OT, TOPICS
from model.rules.broker import BETWEEN_NODES
from model.rules.names import LONGEST_COMMON_NAME, LONGEST_DOMAIN
from model.rules.rule import Finding, rule
from model.site import Site
from model.streams import StreamUser
from model.units import Bytes
from model.words import did_you_mean, listed, quoted
from model.worker import MAIN, MOST_WORKERS, Worker
from model.worker_capacity import (
    CORES_IN_USE,
    MESSAGES_PER_CORE,
    backlog_memory,
    carried,
    least_memory,
    most_waiting,
    needed_workers,
    ot_carried,
    workers,
)

# Part of a node's memory that the sessions of workers may take, where the site says how many messages wait.
MOST_OF_MEMORY = 4
# The lines that a site with workers writes, shares as a sample has them.
TOPIC_LINES = {
    OT: "- {name: ot, share: 2%, cleanup: delete}",
    BIRTHS: "- {name: births, share: 1%, cleanup: compact}",
}
WRITTEN = (*TOPICS, BIRTHS)
"""Names of the Kafka topics that all workers but the OT mirror's write."""
_WHERE = ("streams", "worker")


@rule("streams")
def workers_have_their_topics(site: Site) -> Iterator[Finding]:
    """The topics that only workers write are declared, and births are kept for good."""
    if site.streams.worker is None:
        return
    topics = {topic.name: topic for topic in site.streams.topics}
    for name, line in TOPIC_LINES.items():
        if name not in topics:
            problem = f"workers write to the topic {quoted(name)}, and the site has none of that name"
            yield Finding(_WHERE, problem, f"add `{line}` to `streams.topics`")
    if gone := [name for name in TOPICS if name not in topics]:
        problem = f"workers write to {listed(gone, 'and')}, and the site has no such topic"
        yield Finding(("streams", "topics"), problem, f"leave {listed(gone, 'and')} in")
    births = topics.get(BIRTHS)
    if births is not None and births.cleanup != "compact":
        problem = (
            "births that are deleted by age leave metrics without names for a worker that is started later"
        )
        yield Finding(("streams", "topics", BIRTHS, "cleanup"), problem, "write `compact`")


@rule("streams")
def workers_have_their_users(site: Site) -> Iterator[Finding]:
    """The workers' Kafka users are declared, and may do what workers do and nothing else."""
    worker = site.streams.worker
    if worker is None:
        return
    if worker.user == worker.ot_user:
        problem = (
            f"{quoted(worker.ot_user)} is the other workers' user: it would write more than {quoted(OT)}"
        )
        yield Finding((*_WHERE, "ot_user"), problem, "write a user of its own, like `ot-worker`")
        return
    users = {user.name: user for user in site.streams.users}
    for key, wanted in _users(worker).items():
        user = users.get(wanted.name)
        if user is None:
            problem = f"{quoted(wanted.name)} is not a declared user"
            yield Finding((*_WHERE, key), problem, f"add `{_line(wanted)}` to `streams.users`")
            continue
        for verb in ("produce", "consume"):
            yield from _rights(user, verb, getattr(user, verb), getattr(wanted, verb))


@rule("streams")
def only_workers_write_their_topics(site: Site) -> Iterator[Finding]:
    """No other user writes what the OT mirror said, or births; and no sink reads as a worker."""
    worker = site.streams.worker
    if worker is None:
        return
    for topic, writer in ((OT, worker.ot_user), (BIRTHS, worker.user)):
        for user in site.streams.users:
            # The workers' own rights have a rule of their own.
            if topic in user.produce and user.name not in (worker.user, worker.ot_user):
                problem = f"{quoted(topic)} is written by {quoted(writer)}, and by no other user"
                index = user.produce.index(topic)
                yield Finding(("streams", "users", user.name, "produce", index), problem, "leave it out")
    for sink in site.streams.sinks:
        if sink.user in (worker.user, worker.ot_user):
            problem = f"{quoted(sink.user)} is a user of the workers to Kafka"
            yield Finding(("streams", "sinks", sink.name, "user"), problem, "declare a user for the sink")


@rule("streams")
def keys_beside_workers_have_an_effect(site: Site) -> Iterator[Finding]:
    """Nothing is written that only the broker's own way to Kafka heeds, unless that runs beside."""
    streams = site.streams
    if not streams.by_worker_alone:
        return
    if streams.delivery != "ordered":
        problem = (
            f"{quoted(streams.delivery)} has no effect: workers keep each client's order, no client waits for Kafka, "
            "and the broker keeps a message until Kafka has it"
        )
        yield Finding(("streams", "delivery"), problem, "write `ordered`, or leave it out")
    if streams.buffer is not None:
        problem = (
            f"{quoted(streams.buffer)} has no effect: what workers have not taken waits in their sessions"
        )
        remedy = "leave it out; how many messages wait is `streams.worker.waiting`"
        yield Finding(("streams", "buffer"), problem, remedy)


@rule("streams", "broker")
def the_workers_port_is_its_own(site: Site) -> Iterator[Finding]:
    """The workers' listener has a port that no other listener has."""
    worker, broker = site.streams.worker, site.broker
    if worker is None:
        return
    taken = dict(BETWEEN_NODES)
    taken |= {listener.port: f"{name}'s" for name, listener in broker.listeners.by_name.items()}
    taken[broker.dashboard_port] = "dashboard's"
    if worker.port in taken:
        problem = f"port {quoted(worker.port)} is {taken[worker.port]} already"
        yield Finding((*_WHERE, "port"), problem, "give it one of its own, like `8884`")


@rule("streams", "broker")
def workers_carry_the_peak(site: Site) -> Iterator[Finding]:
    """All workers but one take the messages of the peak, and one takes the OT mirror's."""
    worker = site.streams.worker
    if worker is None:
        return
    figure, needed = carried(site), needed_workers(site)
    if workers(site) > MOST_WORKERS:
        problem = f"the peak brings {figure.peak} records a second, which take {needed} workers of {worker.cores} CPU"
        remedy = (
            "give each a whole core" if worker.cores < CORES_IN_USE else "write smaller shares of the topics"
        )
        yield Finding((*_WHERE, "cores"), problem, f"{remedy}: there are {MOST_WORKERS} at most")
    elif not figure.enough:
        problem = (
            f"the peak brings {figure.peak} records a second, and all workers but one carry {figure.carried}"
        )
        yield Finding((*_WHERE, "replicas"), problem, f"write {needed} or more, or leave it out")
    mirror = ot_carried(site)
    if not mirror.enough:
        problem = (
            f"the OT mirror brings {mirror.peak} records a second at the peak, and its worker carries "
            f"{mirror.carried}"
        )
        remedy = f"give workers a whole core ({MESSAGES_PER_CORE}/s), or write a smaller `share` of ot"
        yield Finding(("streams", "topics", OT, "share"), problem, remedy)


@rule("streams", "broker")
def the_backlog_fits_its_node(site: Site) -> Iterator[Finding]:
    """What waits for workers leaves room in the memory of a node."""
    worker = site.streams.worker
    if worker is None:
        return
    memory, most = site.broker.memory, most_waiting(site, MOST_OF_MEMORY)
    taken = backlog_memory(site)
    if worker.waiting is not None and worker.waiting > most:
        problem = (
            f"{quoted(worker.waiting)} messages for each worker take {_mebibytes(taken)} of a node's {memory}"
        )
        yield Finding((*_WHERE, "waiting"), problem, f"write {most} or less, or give the broker more memory")


@rule("streams", "broker")
def workers_hold_the_largest_message(site: Site) -> Iterator[Finding]:
    """A worker's memory holds some of the largest messages at the same time."""
    worker = site.streams.worker
    if worker is None:
        return
    needed = least_memory(site)
    if worker.memory.count < needed.count:
        largest = site.broker.protection.largest_message
        problem = f"{quoted(worker.memory)} does not hold some messages of {largest} on their way to Kafka"
        yield Finding((*_WHERE, "memory"), problem, f"write {needed} or more")


@rule("streams", "policy")
def births_are_asked_for_by_a_host_that_may(site: Site) -> Iterator[Finding]:
    """A node is asked to be born again in the name of a host that may send it that command."""
    worker = site.streams.worker
    if worker is None or worker.host_id is None:
        return
    hosts = {host.host_id: host for host in site.policy.hosts if host.host_id is not None}
    host, key = hosts.get(worker.host_id), (*_WHERE, "host_id")
    if host is None:
        problem = f"{quoted(worker.host_id)} is no host's Sparkplug id"
        yield Finding(key, problem, did_you_mean(worker.host_id, hosts, "name the host under `policy.hosts`"))
    elif not any("NCMD" in command.split("/") for command in host.commands):
        problem = f"the host {quoted(host.name)} may send no node a command, so no worker may in its name"
        remedy = f"add `spBv1.0/{{site}}/NCMD/+` to the commands of {host.name}, or leave `host_id` out"
        yield Finding(key, problem, remedy)
    elif not worker.decode_sparkplug:
        problem = (
            f"{quoted(worker.host_id)} asks for births, which only a worker needs that decodes Sparkplug"
        )
        yield Finding(key, problem, "leave it out, or write `decode_sparkplug: true`")


@rule("streams", "broker", "domain")
def workers_names_fit_their_certificates(site: Site) -> Iterator[Finding]:
    """Each worker's common name, `<pod>.workers.<domain>`, fits a certificate."""
    if site.streams.worker is None or len(site.domain) > LONGEST_DOMAIN:
        return
    room = LONGEST_COMMON_NAME - len(f"{MAIN}-{workers(site) - 1}.workers.")
    if len(site.domain) > room:
        problem = (
            f"{quoted(site.domain)} has {len(site.domain)} characters: the common names of {workers(site)} workers "
            f"below it would pass {LONGEST_COMMON_NAME}"
        )
        yield Finding(("domain",), problem, f"write at most {room} characters")


def _users(worker: Worker) -> dict[str, StreamUser]:
    """Return each user of the workers as it must be, by the key that names it."""
    return {
        "user": StreamUser(
            name=worker.user, produce=WRITTEN, consume=(BIRTHS,), group=worker.user, dashboards=False
        ),
        "ot_user": StreamUser(name=worker.ot_user, produce=(OT,), consume=(), group=None, dashboards=False),
    }


def _line(user: StreamUser) -> str:
    """Return the line of a site's file that declares a user."""
    consume = f", consume: [{', '.join(user.consume)}], group: {user.group}" if user.consume else ""
    return f"- {{name: {user.name}, produce: [{', '.join(user.produce)}]{consume}}}"


def _rights(user: StreamUser, verb: str, has: tuple[str, ...], wanted: tuple[str, ...]) -> Iterator[Finding]:
    if set(has) != set(wanted):
        said = listed(has, "and") if has else "nothing"
        problem = f"the workers' user {quoted(user.name)} may {verb} {said}, and needs another set of topics"
        yield Finding(
            ("streams", "users", user.name, verb), problem, f"write `{verb}: [{', '.join(wanted)}]`"
        )


def _mebibytes(amount: Bytes) -> Bytes:
    return Bytes(-(-amount.count // 2**20) * 2**20)


RULES = (
    workers_have_their_topics,
    workers_have_their_users,
    only_workers_write_their_topics,
    keys_beside_workers_have_an_effect,
    the_workers_port_is_its_own,
    workers_carry_the_peak,
    the_backlog_fits_its_node,
    workers_hold_the_largest_message,
    births_are_asked_for_by_a_host_that_may,
    workers_names_fit_their_certificates,
)
