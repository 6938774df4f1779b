"""Rules of the MQTT permissions: filters are valid, and only the mirror publishes under `ot/`."""

import re
from collections.abc import Iterator

from model.rules.rule import Finding, rule
from model.site import Site
from model.words import did_you_mean, quoted

PLACEHOLDERS = ("{site}", "{name}")
CLASSES = ("device", "gateway", "service", "mirror", "user")
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


@rule("policy")
def people_only_read(site: Site) -> Iterator[Finding]:
    """Nobody who signs in with a person's token publishes; the policy server would refuse it anyway."""
    for permission in site.policy.rules:
        if permission.who == "user" and "publish" in permission.actions:
            key = ("policy", "rules", permission.name, "actions")
            yield Finding(key, "`user` is people with tokens, who only read", "write `[subscribe]`")


@rule("policy")
def patterns_are_not_everybody(site: Site) -> Iterator[Finding]:
    """A pattern of common names says something, and is no misspelt class."""
    for permission in site.policy.rules:
        key = ("policy", "rules", permission.name, "who")
        if not permission.who.strip("*."):
            problem = f"{quoted(permission.who)} is everybody"
            yield Finding(key, problem, "name a class of client, or a part of the common name")
        elif permission.who not in CLASSES and permission.who.removesuffix("s") in CLASSES:
            problem = f"{quoted(permission.who)} is no class of client"
            yield Finding(key, problem, did_you_mean(permission.who, CLASSES))


@rule("policy")
def policy_server_is_pinned(site: Site) -> Iterator[Finding]:
    """The policy server's image says which version it is."""
    image = site.policy.image
    if image.digest is None and image.tag in {None, "latest"}:
        problem = "the policy server's image is not pinned"
        yield Finding(("policy", "image", "tag"), problem, "add a tag that is a version, or a digest")


RULES = (
    filters_are_valid,
    only_the_mirror_publishes_for_ot,
    people_only_read,
    patterns_are_not_everybody,
    policy_server_is_pinned,
)
