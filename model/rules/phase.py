"""Rules of the phase: its scope, retention band, service level and fewest nodes."""

from collections.abc import Iterator

from model.rules.rule import Finding, rule
from model.site import Site
from model.words import did_you_mean, listed, quoted


@rule("assets", "scope")
def scope_is_declared(site: Site) -> Iterator[Finding]:
    """The scope names assets of this site, each once."""
    names = [asset.name for asset in site.assets]
    if site.scope == "all":
        return
    for index, name in enumerate(site.scope):
        if name not in names:
            problem = f"{quoted(name)} is not one of the site's assets"
            yield Finding(("scope", index), problem, did_you_mean(name, names))
        elif name in site.scope[:index]:
            yield Finding(("scope", index), f"{quoted(name)} is listed twice", "list it once")


@rule("assets", "scope", "limits", "phase")
def scope_fits_the_phase(site: Site) -> Iterator[Finding]:
    """A phase that begins small takes part of the assets: at least one, and not all where there are several."""
    if site.limits.scope == "all":
        return
    names = {asset.name for asset in site.assets}
    if len(names) == 1 and (site.scope == "all" or set(site.scope) == names):
        return
    if site.scope == "all" or set(site.scope) >= names:
        problem = f"phase {quoted(site.phase)} takes a part of the assets, and the scope is all of them"
        yield Finding(("scope",), problem, f"list some of {listed(sorted(names), 'and')}, not all")
    elif not site.scope:
        yield Finding(("scope",), "the scope is empty", f"list some of {listed(sorted(names), 'and')}")


@rule("retention", "limits", "phase")
def retention_is_in_the_band(site: Site) -> Iterator[Finding]:
    """The hot retention lies inside the phase's band."""
    band, hot, relied = site.limits.hot_retention, site.retention.hot, site.retention.relied_on
    # What data relies on already stays, whatever phase the site has gone back to.
    if not band.minimum <= hot <= band.maximum and not (relied is not None and band.minimum <= hot <= relied):
        problem = f"{quoted(hot)} is outside phase {quoted(site.phase)}'s band"
        remedy = f"write {band.minimum} to {band.maximum}"
        if hot > band.maximum:
            remedy += "; what must be kept longer goes to a cold tier: `total` and `cold`"
        yield Finding(("retention", "hot"), problem, remedy)


@rule("retention")
def a_cold_tier_keeps_the_rest(site: Site) -> Iterator[Finding]:
    """Data that is kept longer than it is hot has a cold tier, and a cold tier has something to keep."""
    retention = site.retention
    if retention.total is not None and retention.total < retention.hot_in_effect:
        problem = f"{quoted(retention.total)} in all is less than {retention.hot_in_effect} hot"
        yield Finding(("retention", "total"), problem, f"write {retention.hot_in_effect} or more")
    elif retention.total is not None and retention.total > retention.hot_in_effect and not retention.cold:
        problem = (
            f"nothing keeps data from {retention.hot_in_effect} to {retention.total}: no cold tier is named"
        )
        yield Finding(("retention", "cold"), problem, "add `cold: {store: iceberg, location: …}`")
    elif retention.cold and (retention.total is None or retention.total == retention.hot_in_effect):
        problem = "the cold tier has nothing to keep"
        yield Finding(("retention", "total"), problem, "say how long data is kept in all, like `3650d`")


@rule("limits")
def band_is_a_band(site: Site) -> Iterator[Finding]:
    """The band's minimum is not above its maximum."""
    band = site.limits.hot_retention
    if band.minimum > band.maximum:
        problem = f"the minimum {quoted(band.minimum)} is above the maximum {quoted(band.maximum)}"
        yield Finding(("limits", "hot_retention", "minimum"), problem, "exchange the two")


@rule("monitoring", "limits", "phase")
def service_level_is_high_enough(site: Site) -> Iterator[Finding]:
    """The promised service level is not below the phase's."""
    promise, limits = site.monitoring.service_level, site.limits
    phase, key = quoted(site.phase), ("monitoring", "service_level")
    if promise.availability < limits.availability:
        problem = f"{quoted(promise.availability)} is below phase {phase}'s service level"
        yield Finding((*key, "availability"), problem, f"write {limits.availability} or more")
    if promise.availability.value == 100:
        problem = "`100%` leaves no time for any failure or change"
        yield Finding((*key, "availability"), problem, "write less, like `99.95%`")
    if promise.repair > limits.repair:
        problem = f"{quoted(promise.repair)} is longer than phase {phase} allows"
        yield Finding((*key, "repair"), problem, f"write {limits.repair} or less")
    if promise.repair.seconds == 0:
        yield Finding((*key, "repair"), "nothing is repaired in no time", f"write up to {limits.repair}")


@rule("broker", "limits", "phase")
def nodes_reach_the_floor(site: Site) -> Iterator[Finding]:
    """The broker has as many nodes as the phase asks for."""
    if site.broker.replicas < site.limits.replicas:
        problem = f"{quoted(site.broker.replicas)} is fewer than phase {quoted(site.phase)} asks for"
        yield Finding(("broker", "replicas"), problem, f"write {site.limits.replicas} or more")


RULES = (
    scope_is_declared,
    scope_fits_the_phase,
    retention_is_in_the_band,
    a_cold_tier_keeps_the_rest,
    band_is_a_band,
    service_level_is_high_enough,
    nodes_reach_the_floor,
)
