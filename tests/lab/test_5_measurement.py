"""A history that is told to the real Prometheus is there at once, replaces what was there, and goes on."""

from datetime import UTC, datetime

from lab.estate import Estate
from lab.history import tell
from lab.waiting import wait_until
from model import Site
from tests.support import servers
from tests.support.shell import Shell

DAYS = 30


def test_a_told_month_is_there_at_once_and_goes_on(deployed: Shell, estate: Estate, site: Site) -> None:
    told = tell(estate, site, "good", DAYS, datetime.now(UTC))
    chosen = f'iot_broker:serving{{site="{site.name}"}}'
    assert value(deployed, f"count_over_time({chosen}[{DAYS + 1}d])") >= DAYS * 86_400 / 30
    assert value(deployed, f"avg_over_time({chosen}[{DAYS}d])") > 0.999
    wait_until(
        lambda: value(deployed, f"timestamp({chosen})") > told.end + 30,
        120,
        "the present, recorded by a rule",
    )
    assert value(deployed, chosen) == 1


def test_another_story_replaces_the_one_before(deployed: Shell, estate: Estate, site: Site) -> None:
    tell(estate, site, "breached", DAYS, datetime.now(UTC))
    chosen = f'iot_broker:serving{{site="{site.name}"}}'
    assert value(deployed, f"count_over_time({chosen}[{DAYS + 1}d])") <= DAYS * 86_400 / 30 + 20
    assert 0.98 < value(deployed, f"avg_over_time({chosen}[{DAYS}d])") < 0.995


def value(shell: Shell, query: str) -> float:
    """Return the one value of a query; 0 where it has none."""
    found = servers.prometheus(shell).ask("POST", "/query", form={"query": query}).json["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0
