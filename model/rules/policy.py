"""Rules of the MQTT permissions: filters are valid, only the mirror publishes under `ot/`, only hosts command."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from model.ingest import COMMANDS, TOLD
from model.rules.rule import Finding, rule
from model.site import Site
from model.words import did_you_mean, quoted

PLACEHOLDERS = ("{site}", "{name}", "{elsewhere}", "{host}")
CLASSES = ("device", "gateway", "service", "mirror", "user")
MACHINES = ("device", "gateway")
"""Classes of the clients that stand where anybody may come to them."""
SPARKPLUG = "spBv1.0"
MOST_LEVELS = 128
"""EMQX's `mqtt.max_topic_levels`, by default: more are no topic."""
READ_ONLY = "ot"  # the OT mirror's topics: one way, into the broker


@rule("policy")
def filters_are_valid(site: Site) -> Iterator[Finding]:
    """Each topic filter is one that MQTT allows, with known placeholders only."""
    for permission in site.policy.rules:
        for index, topic in enumerate(permission.topics):
            key = ("policy", "rules", permission.name, "topics", index)
            for found in re.findall(r"\{[^}]*\}?", topic):
                if found not in PLACEHOLDERS:
                    problem = f"{quoted(found)} in {quoted(topic)} is not a placeholder"
                    yield Finding(key, problem, did_you_mean(found, PLACEHOLDERS))
            problem = _mistake(topic)
            if problem:
                yield Finding(
                    key, f"{quoted(topic)} {problem}", "write levels with `/` between, `+` for one, `#` last"
                )


@rule("policy")
def a_name_is_a_whole_level(site: Site) -> Iterator[Finding]:
    """`{name}` and `{host}` stand for a level, `{elsewhere}` for the first ones, and not within one."""
    for permission in site.policy.rules:
        for index, topic in enumerate(permission.topics):
            key = ("policy", "rules", permission.name, "topics", index)
            levels = topic.split("/")
            for whole in ("{name}", "{host}"):
                if any(whole in level and level != whole for level in levels):
                    problem = f"`{whole}` in {quoted(topic)} is not a level of its own"
                    yield Finding(key, problem, f"write it between two `/`, like `{{site}}/{whole}/#`")
            if any("{elsewhere}" in level for level in levels) and (
                levels[0] != "{elsewhere}" or topic.count("{elsewhere}") > 1
            ):
                problem = f"`{{elsewhere}}` in {quoted(topic)} is not what it begins with"
                yield Finding(key, problem, "write it first, like `{elsewhere}/#`")


def _mistake(topic: str) -> str:
    levels = topic.split("/")
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        return "has a `#` that is not its last level"
    if any("+" in level and level != "+" for level in levels):
        return "has a `+` that is not a level of its own"
    if topic.startswith("$"):
        return "begins with `$`, which is the broker's own"
    if "" in levels:
        return "has an empty level"
    if len(levels) > MOST_LEVELS:
        return f"has more than {MOST_LEVELS} levels, and the broker takes no more"
    return ""


@rule("policy")
def only_the_mirror_publishes_for_ot(site: Site) -> Iterator[Finding]:
    """Nobody but the OT mirror's own certificate publishes under `ot/`."""
    for permission in site.policy.rules:
        if permission.who == "mirror" or "publish" not in permission.actions:
            continue
        for index, topic in enumerate(permission.topics):
            if topic.split("/")[0] in {READ_ONLY, "#", "+"}:
                key = ("policy", "rules", permission.name, "topics", index)
                problem = f"{quoted(topic)} would let {quoted(permission.who)} publish under `ot/`"
                yield Finding(key, problem, "only `mirror` may; name another first level")


@rule("policy", "name", "assets")
def hosts_command_the_sites_devices(site: Site) -> Iterator[Finding]:
    """What a host may send is commands, to devices of this site alone; no two hosts share an id."""
    spaces = sorted({site.name, *site.topic_spaces.values()})
    ids: dict[str, str] = {}
    for host in site.policy.hosts:
        key = ("policy", "hosts", host.name)
        if host.host_id is None and not host.commands:
            yield Finding(
                key, f"{quoted(host.name)} says nothing to any client", "give it `host_id` or `commands`"
            )
        if host.host_id is None and "v2.2" in host.sparkplug:
            problem = f"{quoted(host.name)} has no Sparkplug id to say that it is there under"
            yield Finding((*key, "sparkplug"), problem, "give it `host_id`, or leave `sparkplug` out")
        if host.host_id in ids:
            problem = f"{quoted(host.host_id)} is {quoted(ids[host.host_id])}'s already"
            yield Finding((*key, "host_id"), problem, "give each host an id of its own")
        if host.host_id is not None:
            ids.setdefault(host.host_id, host.name)
        for index, command in enumerate(host.commands):
            topic = command.replace("{site}", site.name)
            if found := re.search(r"[{}]", topic):
                problem = (
                    f"{quoted(command)} has a {quoted(found[0])}: a host's commands know `{{site}}` alone"
                )
                yield Finding((*key, "commands", index), problem, "write the names, or `+` for a level")
            elif problem := _mistake(topic) or _no_command(topic, site.name, spaces):
                remedy = (
                    "write a filter like `{site}/+/command/#`, `spBv1.0/{site}/NCMD/+` "
                    "or `spBv1.0/{site}/DCMD/+/+`"
                )
                yield Finding((*key, "commands", index), f"{quoted(command)} {problem}", remedy)


@rule("policy")
def nobody_else_commands(site: Site) -> Iterator[Finding]:
    """No rule is for commands or a host's state: the policy server takes them from a site's hosts alone."""
    for permission in site.policy.rules:
        for index, topic in enumerate(permission.topics if "publish" in permission.actions else ()):
            levels = topic.split("/")
            sparkplug = levels[0] == SPARKPLUG
            hosts_own = levels[0] == "STATE" or (sparkplug and {*TOLD, "STATE"} & {*levels})
            if hosts_own or (not sparkplug and COMMANDS in levels[1:]):
                key = ("policy", "rules", permission.name, "topics", index)
                problem = f"{quoted(topic)} is for a host to publish, and no rule can let another"
                yield Finding(key, problem, "name the host under `policy.hosts`")


def _no_command(topic: str, site: str, spaces: list[str]) -> str:
    levels = topic.split("/")
    if levels[0] == SPARKPLUG:
        told = len(levels) > 3 and levels[1] == site and levels[2] in TOLD
        return "" if told else "is no command to an edge node of the site"
    if not any(f"{topic}/".startswith(f"{space}/") for space in spaces):
        return "is in no topic space of the site"
    return "" if COMMANDS in levels[1:] else f"has no level `{COMMANDS}`, so it would be more than commands"


@rule("policy")
def people_only_read(site: Site) -> Iterator[Finding]:
    """Nobody who signs in with a person's token publishes; the policy server would refuse it anyway."""
    for permission in site.policy.rules:
        if permission.who == "user" and "publish" in permission.actions:
            key = ("policy", "rules", permission.name, "actions")
            yield Finding(key, "`user` is people with tokens, who only read", "write `[subscribe]`")


@rule("policy", "name", "assets", "domain")
def devices_have_rights_of_their_own(site: Site) -> Iterator[Finding]:
    """No device or gateway may publish or read for all the others: a stolen one would."""
    for permission in site.policy.rules:
        machine = _machine(permission.who, site.domain)
        for index, topic in enumerate(permission.topics if machine else ()):
            if _is_of_all(topic, site):
                key = ("policy", "rules", permission.name, "topics", index)
                problem = f"{quoted(topic)} gives every {machine} what belongs to the others"
                remedy = "name the client's own level, like `{site}/{name}/#`, or a class of other clients"
                yield Finding(key, problem, remedy)


def _machine(who: str, domain: str) -> str | None:
    """Return the class of machines of which a rule means more than one; None for one that means others.

    A pattern of whole common names can mean any client; one of own names means gateways and services alone, which the
    site names itself.
    """
    if who in MACHINES:
        return who
    if "*" not in who or "." not in who:
        return None
    given = who.split(".")
    for machine in MACHINES:
        whole = ["x", f"{machine}s", *domain.split(".")]
        if len(given) == len(whole) and all(map(fnmatchcase, whole[1:], given[1:])) and "*" in given[0]:
            return machine
    return None


def _is_of_all(topic: str, site: Site) -> bool:
    """Return whether a filter holds topics of every client: it has no own name before a whole space is open."""
    levels = topic.split("/")
    if "{name}" in levels:
        return False
    spaces = {"{elsewhere}", site.name, *site.topic_spaces.values()}
    spaces |= {f"{first}/{site.name}" for first in (READ_ONLY, SPARKPLUG)}
    wild = next((number for number, level in enumerate(levels) if level in {"+", "#"}), None)
    if wild is None:
        return False
    begin = "/".join(levels[:wild]).replace("{site}", site.name)
    # What is open from here on is a whole space, or the spaces themselves.
    return any(f"{space}/".startswith(f"{begin}/" if begin else "") for space in spaces)


@rule("policy")
def patterns_are_not_everybody(site: Site) -> Iterator[Finding]:
    """A pattern of common names says something, and is no misspelt class."""
    for permission in site.policy.rules:
        key = ("policy", "rules", permission.name, "who")
        if not permission.who.strip("*."):
            problem = f"{quoted(permission.who)} is every client"
            yield Finding(key, problem, "name a class of client, or a part of the common name")
        elif "**" in permission.who:
            problem = f"{quoted(permission.who)} has `**`, which would go beyond a part of the name"
            yield Finding(key, problem, "write `*` for what varies within a part of the name")
        elif permission.who not in CLASSES and permission.who.removesuffix("s") in CLASSES:
            problem = f"{quoted(permission.who)} is no class of client"
            yield Finding(key, problem, did_you_mean(permission.who, CLASSES))


RULES = (
    filters_are_valid,
    only_the_mirror_publishes_for_ot,
    hosts_command_the_sites_devices,
    nobody_else_commands,
    people_only_read,
    patterns_are_not_everybody,
    a_name_is_a_whole_level,
    devices_have_rights_of_their_own,
)
