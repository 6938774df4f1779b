"""The gates that read Prometheus, against the real one: a good month, a bad one, one with a gap, and none at all."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lab.estate import Estate
from lab.history import tell
from lab.story import Story
from lab.waiting import wait_until
from model import Site, load_site
from model.promotion import Judge, read_chain
from model.units import Percentage
from sitectl.gates import Context, alerts, dashboards, service_level
from sitectl.lab import command
from sitectl.live_rules import compare
from sitectl.prometheus import Prometheus, PrometheusError, PrometheusRefused, configured
from tests.support import servers
from tests.support.shell import REPOSITORY, Shell

DAYS = 31
ANOTHER = "baytown"
Measure = Callable[[Site], Context]


@pytest.fixture
def prometheus(deployed: Shell, monkeypatch: pytest.MonkeyPatch) -> Prometheus:
    """The client that the settings and the environment of the lab's shell give."""
    for name, value in deployed.environment.items():
        monkeypatch.setenv(name, value)
    found = configured(deployed.folder, "eagle-ford")
    assert isinstance(found, Prometheus)
    return found


@pytest.fixture
def context(stacks: Path, prometheus: Prometheus) -> Measure:
    """Gives what gates look at, now."""
    return lambda site: looking_at(stacks, site, prometheus)


def looking_at(stacks: Path, site: Site, prometheus: Prometheus | PrometheusError) -> Context:
    chain = read_chain(stacks, site.name)
    return Context(site, site.limits.leave, chain, Judge(datetime.now(UTC)), stacks, prometheus)


def told(estate: Estate, site: Site, story: Story) -> float:
    """Tell a story; return the time (Unix seconds) at which it becomes the present."""
    return tell(estate, site, story, DAYS, datetime.now(UTC)).end


def test_a_told_month_is_there_at_once_and_goes_on(deployed: Shell, estate: Estate, site: Site) -> None:
    end = told(estate, site, "good")
    chosen = f'iot_broker:serving{{site="{site.name}"}}'
    assert value(deployed, f"count_over_time({chosen}[{DAYS + 1}d])") >= DAYS * 86_400 / 30
    assert value(deployed, f"avg_over_time({chosen}[{DAYS}d])") > 0.999
    wait_until(lambda: value(deployed, f"timestamp({chosen})") > end + 30, 120, "the present, by a rule")
    assert value(deployed, chosen) == 1


def test_good_days_pass_with_their_figure(context: Measure, site: Site) -> None:
    outcome = service_level.measure(context(site))
    assert outcome.passed, outcome.reason
    assert outcome.figure.startswith("99.9")
    assert outcome.reason == ""


def test_every_rule_of_the_site_is_live(context: Measure, site: Site) -> None:
    wait_until(lambda: alerts.measure(context(site)).passed, 90, "every rule's evaluation")


def test_a_rule_that_is_not_as_the_site_has_it_is_told(context: Measure, site: Site) -> None:
    level = site.monitoring.service_level.model_copy(update={"availability": Percentage.parse("99.99%")})
    monitoring = site.monitoring.model_copy(update={"service_level": level})
    outcome = alerts.measure(context(site.model_copy(update={"monitoring": monitoring})))
    assert not outcome.passed
    assert "BrokerAvailabilityBurnsFast is loaded with another expression" in outcome.reason
    assert "PolicyServerDown" not in outcome.reason


def test_every_panel_has_data(context: Measure, site: Site) -> None:
    outcome = dashboards.measure(context(site))
    assert outcome.passed, outcome.reason


def test_the_verb_tells_a_story_and_says_how_much_of_it(
    estate: Estate, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("IOT_BROKER_LAB", estate.name)
    outcome = CliRunner().invoke(command, ["history", site.name, "--days", "7"])
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.startswith(f"{site.name}: 7 days of the story 'good' are in Prometheus (")


def test_another_story_replaces_the_one_before(deployed: Shell, estate: Estate, site: Site) -> None:
    told(estate, site, "breached")
    chosen = f'iot_broker:serving{{site="{site.name}"}}'
    assert value(deployed, f"count_over_time({chosen}[{DAYS + 1}d])") <= DAYS * 86_400 / 30 + 20
    assert 0.98 < value(deployed, f"avg_over_time({chosen}[{DAYS}d])") < 0.995


def test_a_breached_budget_does_not_pass_and_tells_its_figure(context: Measure, site: Site) -> None:
    outcome = service_level.measure(context(site))
    assert not outcome.passed
    assert outcome.figure.startswith(("98.", "97."))
    assert "the broker served 9" in outcome.reason
    assert "the error budget is used up" in outcome.reason


def test_a_gap_does_not_pass_and_says_so(context: Measure, estate: Estate, site: Site) -> None:
    told(estate, site, "gap")
    outcome = service_level.measure(context(site))
    assert not outcome.passed
    assert "hours of service were not measured" in outcome.reason
    assert "served" not in outcome.reason.partition(":")[0]


def test_the_policy_servers_series_is_the_real_ones(deployed: Shell, estate: Estate, site: Site) -> None:
    """The lab's policy server is real: after a decision it counts what the alerts ask for."""
    token = (estate.state / "opa" / "token").read_text(encoding="utf-8")
    headers = {"Authorization": f"Bearer {token}"}
    opa = servers.Client(deployed.environment["OPA_URL"], str(deployed.authority), headers)
    opa.ask("POST", "/v0/data/iot/mqtt/decision", body={"site": site.name})
    counted = [
        line
        for line in opa.ask("GET", "/metrics").text.splitlines()
        if line.startswith("http_request_duration_seconds_count{")
    ]
    assert counted
    assert all('code="' in line and 'handler="' in line and 'method="' in line for line in counted)


def test_rules_that_should_be_gone_are_found(deployed: Shell, prometheus: Prometheus, site: Site) -> None:
    streams = site.streams.model_copy(update={"sinks": ()})
    found = compare(site.model_copy(update={"streams": streams}), prometheus, datetime.now(UTC))
    assert found["SinkTaskFailed"] == "is loaded, and the site's data have it no more"
    done = deployed.run("sitectl", "rules", site.name, "--within", "120")
    assert done.out.endswith("Prometheus evaluates every rule as the site's data have it.\n")


@pytest.mark.parametrize("gate", [service_level, alerts, dashboards], ids=lambda gate: gate.__name__)
def test_a_site_that_nobody_measured_does_not_pass(context: Measure, stacks: Path, gate: Any) -> None:
    outcome = gate.measure(context(load_site(stacks, ANOTHER)))
    assert not outcome.passed
    assert outcome.reason


@pytest.mark.parametrize("gate", [service_level, alerts, dashboards], ids=lambda gate: gate.__name__)
def test_a_prometheus_that_is_away_does_not_pass(stacks: Path, site: Site, estate: Estate, gate: Any) -> None:
    away = Prometheus("https://127.0.0.1:1", estate.state / "tls" / "ca.crt")
    outcome = gate.measure(looking_at(stacks, site, away))
    assert not outcome.passed
    assert "does not answer at https://127.0.0.1:1" in outcome.reason


def test_a_wrong_password_is_told_with_its_remedy(
    prometheus: Prometheus, deployed: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_PASSWORD", "guessed")
    wrong = configured(deployed.folder, "eagle-ford")
    assert isinstance(wrong, Prometheus)
    with pytest.raises(PrometheusRefused, match="set PROMETHEUS_TOKEN_FILE, or PROMETHEUS_USER"):
        wrong.rules()
    assert prometheus.rules()


def test_a_query_that_is_wrong_is_refused_in_prometheus_own_words(prometheus: Prometheus) -> None:
    with pytest.raises(PrometheusRefused, match="parse error"):
        prometheus.samples("up{", datetime.now(UTC))


def test_a_server_that_is_not_trusted_is_not_asked(prometheus: Prometheus) -> None:
    with pytest.raises(PrometheusError, match="certificate"):
        Prometheus(prometheus.address).rules()


def value(shell: Shell, query: str) -> float:
    """Return the one value of a query; 0 where it has none."""
    found = servers.prometheus(shell).ask("POST", "/query", form={"query": query}).json["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0
