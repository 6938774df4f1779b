"""What the workers to Kafka subscribe to, and the rules that tell them of who came, was refused and left.

What becomes of a message is the program's to say (`images/worker/topics.py`), in the meaning of `model/ingest.py`.
"""

from dataclasses import dataclass

from model.ingest import AUDIT, FIGURES, own_routes, spaces
from model.policy import STATE_SPACES
from model.site import Site

AUDIT_SPACE = "$kit/audit"
"""What the topics of the broker's own events begin with: the workers alone read them, and no client writes there."""
FIGURE_KINDS = ("stats", "metrics")
TOLD = "_told"
"""What the names of the rules end with by which workers hear of the broker's events: others may lead to Kafka."""


@dataclass(frozen=True, slots=True)
class AuditRule:
    """A rule of EMQX that publishes one kind of its events under a topic: once more, because no subscriber sees them.

    `sql` selects the entry, as JSON, under the name `entry`.
    """

    name: str
    title: str
    sql: str
    topic: str


def filters(site: Site) -> tuple[str, ...]:
    """Return the topic filters of the workers, without `$share`: all but the OT mirror's.

    Those of what was to be held back, in EMQX's form of each, are beside them (`components/workers.py`).
    """
    return (
        *(f"{space}/+/#" for space in _spaces(site)),
        f"spBv1.0/{site.name}/+/+/#",
        f"{STATE_SPACES['v3.0']}/+",
        *((f"{STATE_SPACES['v2.2']}/+",) if _states_2_2(site) else ()),
        f"{AUDIT_SPACE}/#",
        *(f"{FIGURES}/+/{kind}/#" for kind in FIGURE_KINDS),
    )


def ot_filters(site: Site) -> tuple[str, ...]:
    """Return the topic filters of the OT mirror's worker, without `$share`."""
    return (f"{ot_space(site)}/+/#",)


def ot_space(site: Site) -> str:
    """Return what the OT mirror's topics begin with."""
    return f"ot/{site.name}"


def settings(site: Site) -> dict[str, object]:
    """Return what the workers' settings file says of topics, as JSON has it."""
    return {
        "spaces": list(_spaces(site)),
        "ot": None,
        "sparkplug_group": site.name,
        "states_2_2": _states_2_2(site),
        "audit": AUDIT_SPACE,
        "figures": FIGURES,
    }


def ot_settings(site: Site) -> dict[str, object]:
    """Return what the settings file of the OT mirror's worker says of topics."""
    return {
        "spaces": [],
        "ot": ot_space(site),
        "sparkplug_group": None,
        "states_2_2": False,
        "audit": None,
        "figures": None,
    }


def assets(site: Site) -> dict[str, str]:
    """Return the asset of each device and topic space that has one, the settings file's `assets`.

    An asset with a space `<site>/<level>` is known by that level, which is the device's of its messages; one with a
    space elsewhere by the whole space. A level that two assets share is none's.
    """
    found, shared = dict[str, str](), set[str]()
    for asset, space in site.topic_spaces.items():
        first, _, rest = space.partition("/")
        known = rest.partition("/")[0] if first == site.name and rest else space
        if found.setdefault(known, asset) != asset:
            shared.add(known)
    return {known: asset for known, asset in found.items() if known not in shared}


def audit_rules() -> tuple[AuditRule, ...]:
    """Return the rules by which the broker's own events reach the workers."""
    return tuple(
        AuditRule(
            f"{route.name}{TOLD}",
            route.title,
            # Every part is the kit's own.
            f'SELECT {route.value} as entry FROM "{event}" WHERE {route.condition}',  # noqa: S608 - EMQX's rule SQL, no database's
            f"{AUDIT_SPACE}/{route.name.removeprefix('audit_')}",
        )
        for route in own_routes()
        if route.topic == AUDIT
        for event in route.filters
    )


def _spaces(site: Site) -> tuple[str, ...]:
    return tuple(space for space in spaces(site) if space != ot_space(site))


def _states_2_2(site: Site) -> bool:
    return any("v2.2" in host.sparkplug for host in site.policy.hosts if host.host_id)
