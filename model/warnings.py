"""What is not wrong yet, and will be: told by `validate`, with the day by which something must be done."""

from collections.abc import Iterator
from datetime import date

from model.promotion.chain import Chain
from model.site import Site
from model.support import support_warning


def warnings_of(site: Site, chain: Chain, today: date) -> Iterator[str]:
    """Yield the warnings about a site on a day."""
    support = support_warning(site.broker, today)
    if support is not None:
        yield support
    if site.broker.revocation != "crl" and site.broker.revocation_reason is None:
        yield (
            f"a client whose certificate was revoked is let in (`broker.revocation` is `{site.broker.revocation}`): "
            "choose `crl`, or say in `broker.revocation_reason` why not"
        )
    if site.broker.writes_kafka and not site.broker.decodes_bytes:
        yield (
            f"EMQX {site.broker.version} spoils Sparkplug metrics of the types Bytes and File on their way to Kafka: "
            "plan the move to 5.8.9, or to 5.9.3, 5.10.2 or a later version"
        )
    if site.broker.listeners.gateway is not None and not site.identity.gateways:
        yield (
            "`broker.listeners.gateway` is for gateways with tokens, and there are none: list them under "
            "`identity.gateways`, or leave the listener out"
        )
    if site.platform.api_server is None:
        yield (
            "`platform.api_server` is not said: the Job that sees whether the broker took its configuration may connect "
            "to every address outside of the site's zones, at ports 443 and 6443"
        )
    cold = site.retention.cold
    if cold is not None and cold.store == "iceberg" and not any(sink.iceberg for sink in site.streams.sinks):
        yield f"`retention.cold` names {cold.location}, and no sink fills it: add one with `iceberg` (docs/sinks.md)"
    ends = chain.window_ends(site)
    overdue = "retired" in site.limits.incumbent and site.incumbent.state != "retired"
    if overdue and ends is not None and ends.date() < today:
        yield (
            f"the rollback window ended on {ends.date()}, and the incumbent ({site.incumbent.product}) is not "
            f"retired: `sitectl retire {site.name}` ends its licence's time"
        )
