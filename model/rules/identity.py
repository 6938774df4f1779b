"""Rules of identity: groups and readers have declared roles only, gateways their assets, times are in order."""

from collections.abc import Iterator

from model.rules.rule import Finding, rule
from model.site import Site
from model.words import did_you_mean, quoted


@rule("identity")
def groups_give_declared_roles(site: Site) -> Iterator[Finding]:
    """Every role of a group is a role of the realm, and given once."""
    roles = [role.name for role in site.identity.roles]
    for group in site.identity.groups:
        for index, name in enumerate(group.roles):
            key = ("identity", "groups", group.name, "roles", index)
            if name not in roles:
                yield Finding(key, f"{quoted(name)} is not a declared role", did_you_mean(name, roles))
            elif name in group.roles[:index]:
                yield Finding(key, f"{quoted(name)} is listed twice", "list it once")


@rule("identity")
def sessions_are_in_order(site: Site) -> Iterator[Finding]:
    """A token does not outlive an idle session, nor an idle session the longest one; none is of no time."""
    times, key = site.identity.sessions, ("identity", "sessions")
    for name in ("access_token", "idle", "maximum"):
        if getattr(times, name).seconds == 0:
            yield Finding((*key, name), "`0s` lets nobody in", "write a time, like `5m`")
    if times.access_token > times.idle:
        problem = f"{quoted(times.access_token)} outlives an idle session ({times.idle})"
        yield Finding((*key, "access_token"), problem, f"write {times.idle} or less")
    if times.idle > times.maximum:
        problem = f"{quoted(times.idle)} is longer than the longest session ({times.maximum})"
        yield Finding((*key, "idle"), problem, f"write {times.maximum} or less")


@rule("identity")
def brute_force_waits_grow(site: Site) -> Iterator[Finding]:
    """The first wait after failed logins is not longer than the longest one."""
    waits = site.identity.brute_force
    if waits.wait > waits.maximum_wait:
        problem = f"{quoted(waits.wait)} is longer than the longest wait ({waits.maximum_wait})"
        yield Finding(("identity", "brute_force", "wait"), problem, f"write {waits.maximum_wait} or less")


@rule("identity")
def somebody_changes_the_broker(site: Site) -> Iterator[Finding]:
    """The dashboard's roles are declared, and some group has the one that changes the broker."""
    identity = site.identity
    roles, key = [role.name for role in identity.roles], ("identity", "dashboard")
    for name in ("role", "viewer_role"):
        wanted = getattr(identity.dashboard, name)
        if wanted not in roles:
            problem = f"{quoted(wanted)} is not a declared role"
            yield Finding((*key, name), problem, did_you_mean(wanted, roles))
        elif name == "role" and not any(wanted in group.roles for group in identity.groups):
            problem = f"no group has the role {quoted(wanted)}, so nobody could open the dashboard"
            yield Finding((*key, name), problem, "give it to a group")


@rule("identity")
def readers_have_declared_roles(site: Site) -> Iterator[Finding]:
    """Every role that lets people read at the broker is a role of the realm."""
    roles = [role.name for role in site.identity.roles]
    for index, name in enumerate(site.identity.readers):
        if name not in roles:
            key = ("identity", "readers", index)
            yield Finding(key, f"{quoted(name)} is not a declared role", did_you_mean(name, roles))


@rule("identity", "assets")
def gateways_are_of_assets(site: Site) -> Iterator[Finding]:
    """Every asset of a gateway is one of the site's, and given once."""
    assets = [asset.name for asset in site.assets]
    for gateway in site.identity.gateways:
        for index, name in enumerate(gateway.assets):
            key = ("identity", "gateways", gateway.name, "assets", index)
            if name not in assets:
                yield Finding(key, f"{quoted(name)} is not an asset of the site", did_you_mean(name, assets))
            elif name in gateway.assets[:index]:
                yield Finding(key, f"{quoted(name)} is listed twice", "list it once")


RULES = (
    readers_have_declared_roles,
    gateways_are_of_assets,
    groups_give_declared_roles,
    sessions_are_in_order,
    brute_force_waits_grow,
    somebody_changes_the_broker,
)
