"""Every alert of every phase and edition before the real Prometheus: its series rise, and it is raised.

Prometheus alone runs here, with the stories that the lab answers its scrapes with: three sites, each in every trouble.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.broker_alerts import alerts
from components.prometheus_rules import rule_groups
from components.series import SERIES, Selector, selected
from lab.estate import Estate
from lab.history import scene, tell
from lab.operators.prometheus import PrometheusServer
from lab.operators.settings import PrometheusEndpoint, StoriesEndpoint
from lab.operators.stories import StoryTeller
from lab.servers import prometheus as server
from lab.servers.base import Lab
from lab.waiting import wait_until
from model import Site
from model.broker import Replicants
from sitectl.live_rules import compare
from sitectl.prometheus import Prometheus, configured
from tests.support.shell import REPOSITORY
from tests.support.troubles import CONTRADICTED, OF_CONNECTORS, OF_SILENCE, with_few_workers
from tests.support.variants import sites_with_worker, variants

DAYS = 7
CASES = (
    ("eagle-ford", "pilot", "opensource"),
    ("baytown", "parallel", "workers"),
    ("north-cormorant", "cutover", "enterprise"),
)


@dataclass(frozen=True)
class Watched:
    """The running Prometheus, how its rules are written, and the sites in trouble."""

    client: Prometheus
    rules: PrometheusServer
    sites: tuple[Site, ...]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Prometheus with the rules and the troubled week of each site, and the present that goes on from it."""
    folder = tmp_path_factory.mktemp("alerts")
    estate = Estate(REPOSITORY, f"alerts-{folder.name[-6:].strip('-')}")
    sites = tuple(_site(folder, *case) for case in CASES)
    try:
        estate.up(only={"prometheus"})
        found: list[Lab] = []
        estate.restart("prometheus", found.append, lambda _: None)
        (lab,) = found
        endpoint = PrometheusEndpoint(
            lab.url("prometheus"),
            lab.authority.certificate,
            server.USER,
            server.password_file(lab),
            server.rules_folder(lab),
            lab.tools["promtool"] / "promtool",
        )
        for site in sites:
            tell(estate, site, "troubled", DAYS, datetime.now(UTC))
        pair = lab.authority.server("stories")
        stories = StoriesEndpoint(
            lab.ports["stories"], pair.certificate, pair.key, server.stories_folder(lab)
        )
        with StoryTeller(stories, endpoint) as teller, pytest.MonkeyPatch.context() as patch:
            thread = threading.Thread(target=teller.serve_forever, daemon=True)
            thread.start()
            rules = PrometheusServer(endpoint)
            for site in sites:
                write(rules, site)
            patch.setenv("PROMETHEUS_USER", server.USER)
            patch.setenv("PROMETHEUS_PASSWORD", endpoint.password_file.read_text(encoding="utf-8"))
            yield Watched(_client(folder, endpoint), rules, sites)
            teller.shutdown()
    finally:
        estate.down(purge=True)


def _site(folder: Path, name: str, phase: str, edition: str) -> Site:
    if edition == "workers":
        found = sites_with_worker(folder, phase, "opensource")
        return with_few_workers(next(site for site in found if site.name == name))
    site = next(site for site in variants(folder, phase, edition) if site.name == name)
    if edition == "opensource":
        return site
    replicants = {"replicants": Replicants(replicas=2, autoscaling=None)}
    return site.model_copy(update={"broker": site.broker.model_copy(update=replicants)})


def _client(folder: Path, endpoint: PrometheusEndpoint) -> Prometheus:
    settings = {
        "iot-broker:prometheusUrl": endpoint.url,
        "iot-broker:prometheusCaFile": str(endpoint.ca_file),
    }
    (folder / "stacks").mkdir()
    file = folder / "stacks" / "Pulumi.field.yaml"
    file.write_text(json.dumps({"config": settings}), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PULUMI_OPTION_CONFIG_FILE", raising=False)
        found = configured(folder, "field")
    assert isinstance(found, Prometheus)
    return found


def write(rules: PrometheusServer, site: Site, groups: object = None) -> str:
    """Load a site's rules as the operator does; return why they are refused, empty when they are not."""
    text = json.dumps({"groups": groups or rule_groups(site)})
    if not (why := rules.refusal(text)):
        rules.write(f"{site.name}.json", text)
        rules.reload()
    return why


@pytest.mark.parametrize("number", range(len(CASES)), ids=["-".join(case) for case in CASES])
def test_each_alert_is_raised(watched: Watched, number: int) -> None:
    site = watched.sites[number]
    bad = scene(site, "troubled", DAYS, datetime.now(UTC))
    wanted = {alert.name for alert in alerts(site)} - OF_SILENCE - CONTRADICTED
    wanted -= set() if bad.connectors else OF_CONNECTORS

    def raised() -> set[str]:
        query = f'count by (alertname) (ALERTS{{site="{site.name}"}})'
        return {entry["metric"]["alertname"] for entry in watched.client.samples(query, datetime.now(UTC))}

    wait_until(lambda: raised() >= wanted, 400, f"{wanted - raised()}, pending or firing")


@pytest.mark.parametrize("number", range(len(CASES)), ids=["-".join(case) for case in CASES])
def test_each_series_of_an_alert_is_there_and_each_counter_has_risen(watched: Watched, number: int) -> None:
    site, now = watched.sites[number], datetime.now(UTC)
    silent = OF_CONNECTORS if not scene(site, "troubled", DAYS, now).connectors else set()
    missing = {
        chosen
        for group in rule_groups(site)
        for rule in group["rules"]
        if rule.get("alert") not in silent
        for selector in selected(rule["expr"])
        if selector.name in SERIES
        # A check that is off has no other beside it, and no action is unknown.
        and not any(operator.startswith("!") for _, operator, _ in selector.matchers)
        and not _seen(watched.client, chosen := written(selector), SERIES[selector.name].type, now)
    }
    assert missing == set()


def written(selector: Selector) -> str:
    """Return a selector as it stands in an expression."""
    matchers = ",".join(f'{label}{operator}"{value}"' for label, operator, value in selector.matchers)
    return f"{selector.name}{{{matchers}}}"


def _seen(client: Prometheus, chosen: str, type_: str, now: datetime) -> bool:
    query = f"sum(increase({chosen}[3h]))" if type_ == "counter" else f"count({chosen})"
    return (client.value(query, now) or 0) > 0


def test_rules_that_are_refused_leave_the_old_ones_and_are_found(watched: Watched) -> None:
    """The site's data change, Prometheus refuses the file, and `pulumi up` would know nothing of it."""
    site = watched.sites[0]

    def wrong(of: Site) -> dict[str, str]:
        return compare(of, watched.client, datetime.now(UTC))

    wait_until(lambda: wrong(site) == {}, 120, "the first evaluation")
    changed = site.model_copy(update={"title": "Eagle Ford, renamed"})
    groups = rule_groups(changed)
    groups[-1]["rules"][0]["annotations"]["description"] = "{{ nothing_that_there_is }}"
    assert "nothing_that_there_is" in write(watched.rules, changed, groups)
    found = wrong(changed)
    assert (
        found["BrokerNodeLost"] == "is loaded with another annotation than the site's data give it: summary"
    )
    assert "iot_broker:serving" not in found
    assert wrong(site) == {}


def test_each_difference_is_told(watched: Watched) -> None:
    site = watched.sites[0]
    groups = rule_groups(site)
    alert = {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
    alert["BrokerNodeLost"]["for"] = "7m"
    alert["BrokerClusterSplit"]["labels"]["severity"] = "ticket"
    alert["PolicyServerDown"]["expr"] += " and on() vector(1)"
    groups[-1]["rules"].remove(alert["ClientsBanned"])
    groups[-1]["rules"].append(alert["ClientsBanned"] | {"alert": "OfBefore"})
    assert write(watched.rules, site, groups) == ""
    found: dict[str, str] = {}

    def told() -> bool:
        found.clear()
        found.update(compare(site, watched.client, datetime.now(UTC)))
        return len(found) == len({"BrokerNodeLost", "BrokerClusterSplit", "PolicyServerDown", "a", "b"})

    try:
        wait_until(told, 120, "the differences alone")
    finally:
        write(watched.rules, site)
    assert found == {
        "BrokerNodeLost": "is loaded to wait 420 s, and the site's data say 300 s",
        "BrokerClusterSplit": "is loaded with another label than the site's data give it: severity",
        "PolicyServerDown": "is loaded with another expression than the site's data give it",
        "ClientsBanned": "is not loaded",
        "OfBefore": "is loaded, and the site's data have it no more",
    }
