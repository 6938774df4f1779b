"""Until when each EMQX edition and version is supported; dates come from the publisher, "today" from the caller."""

from dataclasses import dataclass
from datetime import date, timedelta

from model.broker import Broker

# How long before the end of support the warning begins.
NOTICE = timedelta(days=365)
# The last opensource release; nothing has been fixed in that edition since.
LAST_OPENSOURCE_RELEASE = date(2025, 12, 31)
# End of support of enterprise version lines, as the publisher states them.
ENTERPRISE_ENDS: dict[tuple[int, int], date] = {(5, 8): date(2027, 8, 27), (6, 0): date(2027, 3, 30)}


@dataclass(frozen=True, slots=True)
class Support:
    """The end of support of a broker's edition and version; None when the publisher has named none."""

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
    """Return what to say when support has ended, or ends within a year of `today`; None when all is well."""
    end = support_of(broker).end
    if end is None or end - today > NOTICE:
        return None
    version = f"EMQX {broker.edition} {broker.version}"
    if end <= today and broker.edition == "opensource":
        return f"{version} has had no release since {end}: plan the move to an enterprise version"
    when = "ended" if end <= today else "ends"
    return f"the support of {version} {when} on {end}: plan the move to a later version"
