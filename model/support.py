"""Until when each EMQX edition and version is supported; dates come from the publisher, "today" from the caller."""

from dataclasses import dataclass
from datetime import date, timedelta

from model.broker import Broker

# How long before the end of support the warning begins.
NOTICE = timedelta(days=365)
# The last opensource release; nothing has been fixed in that edition since.
LAST_OPENSOURCE_RELEASE = date(2025, 12, 31)
# End of support of enterprise version lines: up to 6.1 as the publisher's table has them (November 2026), 6.2 and
# 6.3 by its rule of 18 months after a line's first release.
ENTERPRISE_ENDS: dict[tuple[int, int], date] = {
    (5, 8): date(2027, 8, 27),
    (5, 9): date(2026, 11, 1),
    (5, 10): date(2026, 12, 8),
    (6, 0): date(2027, 3, 30),
    (6, 1): date(2027, 6, 30),
    (6, 2): date(2027, 9, 30),
    (6, 3): date(2028, 3, 3),
}


@dataclass(frozen=True, slots=True)
class Support:
    """The end of support of a broker's edition and version; None where the kit knows none."""

    end: date | None
    note: str


def support_of(broker: Broker) -> Support:
    """Return until when the broker's edition and version is supported."""
    if broker.edition == "opensource":
        return Support(LAST_OPENSOURCE_RELEASE, "opensource has had no release since")
    line = broker.version_numbers[:2]
    end = ENTERPRISE_ENDS.get((line[0], line[1]))
    return Support(
        end, f"enterprise {line[0]}.{line[1]} is supported until then" if end else "no end is known"
    )


def support_warning(broker: Broker, today: date) -> str | None:
    """Return what to say when support ends within a year of `today`, or ended and the site accepts it."""
    end, version = support_of(broker).end, f"EMQX {broker.edition} {broker.version}"
    if end is None:
        return f"no end of support is known of {version}: look it up at the publisher's, and tell the kit's owners"
    if end - today > NOTICE:
        return None
    if broker.edition == "opensource":
        return f"{version} has had no release since {end}: plan the move to an enterprise version"
    if end > today:
        return f"the support of {version} ends on {end}: plan the move to a later version"
    if not _accepted(broker, today):
        return None
    return (
        f"the support of {version} ended on {end}, which is accepted until {broker.unsupported_until}: move to a later "
        "version by then (runbooks/broker-version.md)"
    )


def support_refusal(broker: Broker, today: date) -> tuple[str, str] | None:
    """Return problem and remedy when support has ended and the site does not accept it; None when all is well.

    The opensource edition has no support that could end.
    """
    end = support_of(broker).end
    if broker.edition == "opensource" or end is None or end > today or _accepted(broker, today):
        return None
    until = broker.unsupported_until
    problem = f"the support of EMQX {broker.edition} {broker.version} ended on {end}"
    if until is not None:
        problem += f", and was accepted until {until}"
    return (
        problem,
        "move to a later version (runbooks/broker-version.md), or write `broker.unsupported_until: YYYY-MM-DD`: the "
        "day until which the site accepts it",
    )


def _accepted(broker: Broker, today: date) -> bool:
    return broker.unsupported_until is not None and broker.unsupported_until.date >= today
