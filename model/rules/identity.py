"""Rules of identity: groups and readers have declared roles only, gateways their assets, times are in order."""

from collections.abc import Iterator

from model.rules.rule import Bounds, Finding, rule
from model.site import Site
from model.units import Duration
from model.words import did_you_mean, quoted

SECOND_FACTOR_ROLE = "second-factor"
"""The kit's own role, which the roles that need a second factor contain."""

MINUTE, HOUR, DAY = 60, 3600, 86_400
# Keycloak's own advice, and what a shift needs: whose token or session is stolen has it for this long.
SESSIONS = {
    "access_token": Bounds(
        Duration(MINUTE), Duration(HOUR), "clocks differ by so much", "nothing takes it back before it ends"
    ),
    "idle": Bounds(
        Duration(5 * MINUTE), Duration(12 * HOUR), "people read a page for so long", "a shift is not longer"
    ),
    "maximum": Bounds(
        Duration(15 * MINUTE), Duration(DAY), "people would sign in all day", "people sign in once a day"
    ),
}
LOCKOUT = {
    "wait": Bounds(
        Duration(10), Duration(HOUR), "it does not hold up who guesses", "a slip would cost a shift"
    ),
    "maximum_wait": Bounds(
        Duration(MINUTE), Duration(DAY), "it does not hold up who guesses", "guessing would lock people out"
    ),
}
FEWEST_FAILURES, MOST_FAILURES = 3, 20
EVENTS_KEPT = Bounds(
    Duration(7 * DAY),
    Duration(2 * 365 * DAY),
    "an incident is seen later than that",
    "Keycloak's database would grow; the audit store keeps what is needed for longer",
)


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
    if times.access_token > times.idle:
        problem = f"{quoted(times.access_token)} outlives an idle session ({times.idle})"
        yield Finding((*key, "access_token"), problem, f"write {times.idle} or less")
    if times.idle > times.maximum:
        problem = f"{quoted(times.idle)} is longer than the longest session ({times.maximum})"
        yield Finding((*key, "idle"), problem, f"write {times.maximum} or less")


@rule("identity")
def sessions_are_bounded(site: Site) -> Iterator[Finding]:
    """Tokens are short, and people sign in once a day at least."""
    for name, bounds in SESSIONS.items():
        yield from bounds.find(("identity", "sessions", name), getattr(site.identity.sessions, name))


@rule("identity")
def lockout_is_bounded(site: Site) -> Iterator[Finding]:
    """Guessing is held up, and nobody is locked out for a slip or for days."""
    said, key = site.identity.brute_force, ("identity", "brute_force")
    if not FEWEST_FAILURES <= said.failures <= MOST_FAILURES:
        few = said.failures < FEWEST_FAILURES
        problem = "locks people out for a slip" if few else "lets a password be guessed at"
        remedy = f"write {FEWEST_FAILURES} to {MOST_FAILURES}"
        yield Finding((*key, "failures"), f"{quoted(said.failures)} {problem}", remedy)
    for name, bounds in LOCKOUT.items():
        yield from bounds.find((*key, name), getattr(said, name))


@rule("identity")
def events_are_kept_for_some_time(site: Site) -> Iterator[Finding]:
    """Keycloak keeps events for as long as somebody may ask, and not in its own database for years."""
    yield from EVENTS_KEPT.find(("identity", "events", "retention"), site.identity.events.retention)


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
            yield Finding(
                (*key, name), problem, did_you_mean(wanted, roles, "declare it under `identity.roles`")
            )
        elif name == "role" and not any(wanted in group.roles for group in identity.groups):
            problem = f"no group has the role {quoted(wanted)}, so no person could open the dashboard"
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


@rule("identity")
def administrators_need_a_second_factor(site: Site) -> Iterator[Finding]:
    """Every role that needs a second factor is declared and listed once, and the dashboard's is among them."""
    identity = site.identity
    roles, listed = [role.name for role in identity.roles], identity.second_factor.roles
    for index, name in enumerate(listed):
        key = ("identity", "second_factor", "roles", index)
        if name not in roles:
            yield Finding(key, f"{quoted(name)} is not a declared role", did_you_mean(name, roles))
        elif name in listed[:index]:
            yield Finding(key, f"{quoted(name)} is listed twice", "list it once")
    if identity.dashboard.role not in listed:
        problem = f"{quoted(identity.dashboard.role)} changes the broker without a second factor"
        yield Finding(
            ("identity", "second_factor", "roles"), problem, f"add {quoted(identity.dashboard.role)}"
        )


@rule("identity")
def names_are_not_given_twice(site: Site) -> Iterator[Finding]:
    """No role is called as the kit's own, and people's programs have a client of their own."""
    identity = site.identity
    for role in identity.roles:
        if role.name == SECOND_FACTOR_ROLE:
            key = ("identity", "roles", role.name, "name")
            yield Finding(key, f"{quoted(role.name)} is the kit's own role", "give the role another name")
    people, dashboard = identity.people.client_id, identity.dashboard.client_id
    if people == dashboard:
        problem = f"{quoted(people)} is the dashboard's client"
        yield Finding(("identity", "people", "client_id"), problem, "write another, like `mqtt-people`")


@rule("identity")
def passwords_can_be_chosen(site: Site) -> Iterator[Finding]:
    """A password has room for as many different characters as it must have."""
    passwords = site.identity.passwords
    if passwords.different > passwords.length:
        problem = f"{passwords.different} different characters do not fit into {passwords.length}"
        yield Finding(("identity", "passwords", "different"), problem, f"write {passwords.length} or less")


RULES = (
    administrators_need_a_second_factor,
    names_are_not_given_twice,
    passwords_can_be_chosen,
    readers_have_declared_roles,
    gateways_are_of_assets,
    groups_give_declared_roles,
    sessions_are_in_order,
    sessions_are_bounded,
    lockout_is_bounded,
    events_are_kept_for_some_time,
    brute_force_waits_grow,
    somebody_changes_the_broker,
)
