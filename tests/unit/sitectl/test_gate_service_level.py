"""A service level is counted in service hours, against the site's own promise; what nobody measured is told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from model import Site
from model.rollout import Leave
from sitectl.gates.service_level import COVERAGE, SLOT, Attained, attain, expression, shortfalls
from tests.support.variants import Variants

# A Thursday, 06:00 at the site (America/Chicago).
MORNING = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def sites(variants: Variants) -> dict[str, Site]:
    return {site.name: site for site in variants("pilot")}


@pytest.fixture
def business(sites: dict[str, Site]) -> Site:
    return sites["eagle-ford"]


@pytest.fixture
def always(sites: dict[str, Site]) -> Site:
    return sites["baytown"]


def leave(site: Site) -> Leave:
    assert site.limits.leave
    return site.limits.leave


def slots(first: datetime, span: timedelta, value: float = 1) -> dict[datetime, float]:
    return {first + SLOT * count: value for count in range(1, span // SLOT + 1)}


def test_business_hours_are_counted_by_the_sites_own_clock(business: Site) -> None:
    week = attain(business, slots(MORNING, 7 * DAY), MORNING, MORNING + 7 * DAY)
    assert week.expected * SLOT == timedelta(hours=5 * 12)


def test_around_the_clock_every_slot_counts(always: Site) -> None:
    week = attain(always, slots(MORNING, 7 * DAY), MORNING, MORNING + 7 * DAY)
    assert week.expected * SLOT == 7 * DAY


def test_an_outage_at_night_costs_nothing_of_business_hours(business: Site) -> None:
    night = MORNING + timedelta(hours=14)
    values = slots(MORNING, DAY) | slots(night, timedelta(hours=4), 0)
    assert attain(business, values, MORNING, MORNING + DAY).availability == 1


def test_a_slot_counts_for_the_share_that_it_served(always: Site) -> None:
    values = slots(MORNING, DAY) | {MORNING + SLOT: 0.5}
    assert attain(always, values, MORNING, MORNING + DAY).served == 288 - Decimal("0.5")


def test_what_was_not_measured_neither_served_nor_failed(always: Site) -> None:
    found = attain(always, slots(MORNING, DAY / 2), MORNING, MORNING + DAY)
    assert (found.expected, found.measured) == (288, 144)
    assert found.availability == 1


def test_a_good_month_has_no_shortfall(always: Site) -> None:
    assert shortfalls(always, leave(always), Attained(8640, 8640, Decimal(8630))) == []


def test_an_availability_below_the_phases_is_told_with_its_figure(always: Site) -> None:
    found = shortfalls(always, leave(always), Attained(1000, 1000, Decimal(990)))
    assert "the broker served 99% of the measured service hours" in found
    assert "the error budget is used up" in found


def test_a_budget_that_is_nearly_gone_is_told_though_the_promise_holds(always: Site) -> None:
    # Of 0.5 % that may be lost 0.48 % are: 4 % are left, and 10 % are asked for.
    found = shortfalls(always, leave(always), Attained(10_000, 10_000, Decimal(9952)))
    assert found == ["4% of the error budget is left"]


@pytest.mark.parametrize(("measured", "told"), [(9900, False), (9899, True)])
def test_a_gap_is_told_from_the_documented_share_on(always: Site, measured: int, told: bool) -> None:
    assert Decimal("0.99") == COVERAGE
    found = shortfalls(always, leave(always), Attained(10_000, measured, Decimal(measured)))
    assert any("not measured" in reason for reason in found) == told


def test_the_query_asks_for_what_the_rules_record(business: Site) -> None:
    assert expression(business) == 'avg_over_time(iot_broker:serving{site="eagle-ford"}[5m])'
