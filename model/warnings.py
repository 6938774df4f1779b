"""What is not wrong yet, and will be: told by `validate`, with the day by which something must be done."""

from collections.abc import Iterator
from datetime import date, timedelta

from model import bridge_capacity, worker_capacity
from model.authorities import AUTHORITIES, approved_generation, authority, made_from
from model.ingest import OT, RAW
from model.promotion.chain import Chain
from model.site import Site
from model.support import support_warning
from model.words import listed

# First versions of their lines in which a source subscribes again after every loss of its connection (emqx#16507).
SUBSCRIBES_AGAIN = {(5, 8): (5, 8, 10), (5, 10): (5, 10, 3), (6, 0): (6, 0, 2), (6, 1): (6, 1, 1)}
FIRST_WITHOUT = (6, 2, 0)
# As long as the phases `parallel` and `cutover` take at the least: 60 days of soak, 30 of each window, and planning.
LICENCE_NOTICE = timedelta(days=180)


def warnings_of(site: Site, chain: Chain, today: date) -> Iterator[str]:
    """Yield the warnings about a site on a day."""
    yield from _of_the_broker(site, today)
    if site.platform.api_server is None:
        yield (
            "`platform.api_server` is not said. The Job that checks the configuration of the broker can "
            "connect, at ports 443 and 6443, to every address beyond the site's zones"
        )
    cold = site.retention.cold
    if cold is not None and cold.store == "iceberg" and not any(sink.iceberg for sink in site.streams.sinks):
        yield f"`retention.cold` names {cold.location}, and no sink fills it: add one with `iceberg` (docs/sinks.md)"
    yield from _of_the_workers(site)
    yield from _of_the_bridge(site)
    yield from _of_the_authorities(site)
    yield from _of_the_licence(site, today)
    ends = chain.window_ends(site)
    overdue = "retired" in site.limits.incumbent and site.incumbent.state != "retired"
    if overdue and ends is not None and ends.date() < today:
        yield (
            f"the rollback window ended on {ends.date()}, and the incumbent ({site.incumbent.product}) is not "
            f"retired: `sitectl retire {site.name}` ends its licence's time"
        )


def _of_the_workers(site: Site) -> Iterator[str]:
    """Yield what a site with workers to Kafka still has of the old way, or has not thought of."""
    if not site.streams.by_worker:
        return
    if not site.streams.by_worker_alone:
        yield (
            "workers run beside the broker's own way (`streams.worker.beside`), and each record is in Kafka twice. "
            "Leave `beside` out when the workers carry everything (docs/streams.md)"
        )
    elif any(user.name == site.streams.writer for user in site.streams.users):
        yield (
            f"the broker writes to Kafka no more, and its user {site.streams.writer} may. Write `remove: true` at it "
            "under `streams.users` when all that waited has arrived (docs/streams.md)"
        )
    blind = [sink.name for sink in site.streams.sinks if RAW in sink.topics and not _reads(site, OT)]
    if blind:
        comes = "is" if site.streams.by_worker_alone else "will be"
        yield (
            f"what the OT mirror says {comes} in the topic {OT} alone, and no sink reads that: add it beside {RAW} in "
            f"{listed(blind, 'and')} (`streams.sinks`)"
        )
    if site.bridge == "ingress" and worker_capacity.records(site) > worker_capacity.rate(site):
        yield (
            f"all that the incumbent's bridge brings goes to one worker, which carries "
            f"{worker_capacity.rate(site)}/s, and the peak is {int(worker_capacity.records(site))}/s. More than that "
            "waits, and is lost when the session is full"
        )


def _of_the_bridge(site: Site) -> Iterator[str]:
    """Yield that the program which bridges to the incumbent may carry less than the site's peak."""
    if site.bridge_worker is None or bridge_capacity.carried(site).enough:
        return
    figure = bridge_capacity.carried(site)
    yield (
        f"the bridge to the incumbent may carry {figure.carried} messages a second, and the peak is {figure.peak}/s. "
        "The rest waits at the broker that it comes from: let less cross (`incumbent.topics`)"
    )


def _reads(site: Site, topic: str) -> bool:
    return any(topic in sink.topics for sink in site.streams.sinks)


def _of_the_licence(site: Site, today: date) -> Iterator[str]:
    """Yield that the incumbent's licence ends soon, or has ended, while the site still has that broker."""
    ends = site.incumbent.licence_ends
    if ends is None or site.incumbent.state == "retired" or ends.date - today > LICENCE_NOTICE:
        return
    if ends.date < today:
        yield (
            f"the licence of the incumbent ({site.incumbent.product}) ended on {ends}, and that broker is not retired. "
            "Renew the licence, and write the new day in `incumbent.licence_ends`"
        )
        return
    yield (
        f"the licence of the incumbent ({site.incumbent.product}) ends on {ends}, and that broker is not retired. "
        "Renew the licence, or plan the phases that are left (docs/promotion.md)"
    )


def _of_the_authorities(site: Site) -> Iterator[str]:
    for kind in AUTHORITIES:
        said = authority(site, kind)
        if said.approved and approved_generation(said.approved) < said.generation:
            yield (
                f"`pki.{kind}.approved` names generation {approved_generation(said.approved)}, and the data is at "
                f'{said.generation}: write `approved: "{made_from(site, kind)}"` when that one is deployed'
            )


def _of_the_broker(site: Site, today: date) -> Iterator[str]:
    support = support_warning(site.broker, today)
    if support is not None:
        yield support
    silent = silent_source(site)
    if silent is not None:
        yield silent
    if site.broker.revocation != "crl" and site.broker.revocation_reason is None:
        yield (
            f"a client whose certificate was revoked is let in (`broker.revocation` is `{site.broker.revocation}`): "
            "choose `crl`, or say in `broker.revocation_reason` why not"
        )
    if site.way_to_kafka == "broker" and not site.broker.decodes_bytes:
        yield (
            f"EMQX {site.broker.version} spoils Sparkplug metrics of the types Bytes and File on their way to Kafka. "
            "Plan the move to 5.8.9, or to 5.9.3, 5.10.2 or a later version"
        )
    if site.broker.listeners.gateway is not None and not site.identity.gateways:
        yield (
            "`broker.listeners.gateway` is for gateways with tokens, and there are none: list them under "
            "`identity.gateways`, or leave the listener out"
        )


def silent_source(site: Site) -> str | None:
    """Return what to say where the bridge inwards may stay silent after a short restart of the incumbent."""
    broker = site.broker
    line = broker.version_numbers[:2]
    fixed = SUBSCRIBES_AGAIN.get((line[0], line[1]), FIRST_WITHOUT)
    if site.brokers_bridge != "ingress" or broker.version_numbers >= fixed:
        return None
    later = ".".join(str(number) for number in fixed)
    remedy = (
        f"move to {later} or later"
        if broker.edition == "enterprise"
        else f"the opensource edition gets no fix; enterprise {later} has it"
    )
    return (
        f"EMQX {broker.edition} {broker.version} may receive nothing more from the incumbent after its restart of "
        f"a second or two, though connected again (emqx#16507): {remedy}; until then restart the "
        "connector after each restart of the incumbent (docs/incumbent.md)"
    )
