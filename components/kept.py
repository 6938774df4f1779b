"""What servers keep under a name of the site's data, and would lose when that name is another than before."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.kafka_topics import group_name, sink_group
from model import Site
from model.authorities import AUTHORITIES, authority, made_from
from model.nodes import Step

ANYTHING = ""
"""What something is made of where that is not to be compared."""


@dataclass(frozen=True)
class Kept:
    """One thing that a server keeps: its key in the data, what it is made of, and what a change or its end loses."""

    key: tuple[Step, ...]
    made_of: str
    lost: str
    ends: bool = True
    """Whether it ends when the data name it no longer."""


@dataclass(frozen=True)
class GivenUp:
    """What a change of the data would lose, by the name that `gives_up` must have for it."""

    name: str
    key: tuple[Step, ...]
    problem: str
    remedy: str


def given_up(before: Site, now: Site) -> Iterator[GivenUp]:
    """Yield what the site would lose that its data do not give up.

    A site that was not protected, and is not, keeps what is nobody's yet.
    """
    if not (before.protect or now.protect):
        return
    left = kept(now)
    for name, thing in kept(before).items():
        there = left.get(name)
        if name in now.gives_up or _stays(thing, there):
            continue
        how = f"is no longer `{name}`" if there is None else f"is another `{name}`"
        yield GivenUp(
            name,
            thing.key,
            f"{how} than before: {thing.lost}",
            f'take the change back; or give it up in the same change: write `gives_up: ["{name}"]`',
        )


def _stays(thing: Kept, there: Kept | None) -> bool:
    if there is None:
        return not thing.ends
    return thing.made_of == there.made_of or ANYTHING in (thing.made_of, there.made_of)


def kept(site: Site) -> dict[str, Kept]:
    """Return what the site's servers keep, each by a name that says what it is."""
    return dict(
        (
            *_names(site),
            *_authorities(site),
            *_topics(site),
            *_offsets(site),
            *_groups(site),
        )
    )


def _names(site: Site) -> Iterator[tuple[str, Kept]]:
    lost = "every certificate, topic and client id names it, and all clients would be refused"
    yield f"domain {site.domain}", Kept(("domain",), site.domain, lost)


def _authorities(site: Site) -> Iterator[tuple[str, Kept]]:
    for kind in AUTHORITIES:
        said, made = authority(site, kind), made_from(site, kind)
        lost = "its CA would be replaced or removed, and every certificate below it void"
        for generation in range(1, said.generation + 1):
            # An older one keeps what it has; what the data approve is judged by itself (components/approvals.py).
            judged = generation == said.generation and said.approved != made
            yield f"{kind} CA g{generation}", Kept(("pki", kind), made if judged else ANYTHING, lost)


def _topics(site: Site) -> Iterator[tuple[str, Kept]]:
    cluster = site.streams.cluster
    made_of = f"{cluster.namespace}/{cluster.name} {site.streams.replication}"
    lost = "Kafka deletes it with what it holds, or refuses the change"
    for topic in site.streams.topics:
        yield f"topic {topic.name}", Kept(("streams", "topics", topic.name), made_of, lost)


def _offsets(site: Site) -> Iterator[tuple[str, Kept]]:
    lost = "its readers would begin at another place: records twice, or never"
    for user in site.streams.users:
        if user.group is not None:
            key = ("streams", "users", user.name, "group")
            yield f"offsets of {user.name}", Kept(key, group_name(site, user.group), lost, ends=False)
    for sink in site.streams.sinks:
        for topic in sink.topics:
            name = f"offsets of sink {sink.name} in {topic}"
            yield name, Kept(("streams", "sinks", sink.name), sink_group(site, sink, topic), lost, ends=False)


def _groups(site: Site) -> Iterator[tuple[str, Kept]]:
    for group in site.identity.groups:
        lost = "Keycloak deletes the group, and its members lose their roles"
        yield f"group {group.name}", Kept(("identity", "groups", group.name), "", lost)
