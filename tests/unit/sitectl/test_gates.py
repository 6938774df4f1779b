"""Each gate that needs no server: what passes, what does not, and that it says why."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from model import load_site
from model.datafile import file_text
from model.edit import set_value
from model.promotion import Judge, read_chain
from sitectl.gates import (
    Context,
    Gate,
    Outcome,
    change_window,
    comparison,
    policy,
    rollback_window,
    routes,
    soak,
    training,
)
from sitectl.prometheus import PrometheusError
from tests.support import records
from tests.support.records import SITE, compared
from tests.unit.model.bad_sites import copy_of_stacks

REPORTED = {"policy": policy, "comparison": comparison, "routes": routes, "training": training}
# A Tuesday, 09:30 at the site.
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """The data with signed reports; the sample site runs in parallel, which asks for every gate."""
    stacks = copy_of_stacks(tmp_path)
    records.write(stacks, records.texts(records.chain()[:1]) | records.report_texts())
    file = stacks / "sites" / f"{SITE}.yaml"
    file.write_text(set_value(file.read_text(), ("phase",), "parallel"))
    return stacks


def found(stacks: Path, gate: Gate, now: datetime = NOW) -> Outcome:
    site = load_site(stacks, SITE)
    return gate(
        Context(
            site=site,
            leave=site.limits.leave,
            chain=read_chain(stacks, SITE),
            judge=Judge(now),
            stacks=stacks,
            prometheus=PrometheusError("away"),
        )
    )


def change(stacks: Path, name: str, **changes: Any) -> None:
    text = file_text(records.report(name, **changes), f"../../{name}-report.schema.json")
    (stacks / "reports" / SITE / f"{name}.yaml").write_text(text)


@pytest.mark.parametrize(
    "gate", [policy, comparison, routes, training, change_window], ids=lambda gate: gate.__name__
)
def test_it_passes_and_says_what_it_found(stacks: Path, gate: Any) -> None:
    outcome = found(stacks, gate.measure)
    assert outcome.passed, outcome
    assert not outcome.reason
    assert all((outcome.figure, outcome.threshold, outcome.source, outcome.window))


def test_soak_counts_from_the_record_and_says_when_it_is_over(stacks: Path) -> None:
    early = found(stacks, soak.measure)
    assert (early.passed, early.figure, early.source) == (False, "3d", "record 1")
    assert "2027-01-20" in early.reason
    assert found(stacks, soak.measure, NOW + timedelta(days=57)).passed


@pytest.mark.parametrize("name", ["policy", "comparison", "routes", "training"])
def test_a_missing_report_does_not_pass(stacks: Path, name: str) -> None:
    (stacks / "reports" / SITE / f"{name}.yaml").unlink()
    outcome = found(
        stacks,
        REPORTED[name].measure,
    )
    assert not outcome.passed
    assert "there is no re" in outcome.reason


@pytest.mark.parametrize("name", ["policy", "comparison", "routes", "training"])
def test_an_edited_report_does_not_pass(stacks: Path, name: str) -> None:
    file = stacks / "reports" / SITE / f"{name}.yaml"
    file.write_text(file.read_text().replace("tests 1", "tests 2"))
    outcome = found(
        stacks,
        REPORTED[name].measure,
    )
    assert not outcome.passed
    assert "it was edited" in outcome.reason


@pytest.mark.parametrize("gate", [policy, comparison, routes, training], ids=lambda gate: gate.__name__)
def test_without_signers_nothing_signed_counts(stacks: Path, gate: Any) -> None:
    (stacks / "promotions" / "signers.yaml").write_text("signers: 3\n")
    assert not found(stacks, gate.measure).passed


@pytest.mark.parametrize(
    ("made_at", "words"),
    [("2026-11-01T00:00:00Z", "have a new one made"), ("2027-01-01T00:00:00Z", "later than now")],
)
@pytest.mark.parametrize("name", ["policy", "comparison", "routes"])
def test_a_report_has_its_time(stacks: Path, name: str, made_at: str, words: str) -> None:
    change(stacks, name, made_at=made_at)
    outcome = found(stacks, REPORTED[name].measure)
    assert not outcome.passed
    assert words in outcome.reason


def test_a_denial_is_told_with_its_resource(stacks: Path) -> None:
    wrong = {
        "rule": "ot-is-read-only",
        "severity": "deny",
        "resource": "Bridge/x",
        "message": "writes to ot/",
    }
    change(stacks, "policy", violations=[wrong, wrong | {"severity": "warn"}])
    outcome = found(stacks, policy.measure)
    assert (outcome.passed, outcome.figure.partition(",")[0]) == (False, "1 denied")
    assert outcome.reason == "ot-is-read-only: Bridge/x: writes to ot/"


@pytest.mark.parametrize("key", ["rules", "resources"])
def test_a_policy_that_judged_nothing_does_not_pass(stacks: Path, key: str) -> None:
    change(stacks, "policy", **{key: 0})
    assert "judged nothing" in found(stacks, policy.measure).reason


@pytest.mark.parametrize(
    ("change_of_day", "words"),
    [
        ({"lost": 101}, "2026-11-17: loss 0.0101%"),
        ({"duplicates": 1001}, "2026-11-17: duplicates 0.1001%"),
        ({"reordered": 1001}, "2026-11-17: reordered 0.1001%"),
        ({"broker_latency_ms": 111}, "2026-11-17: latency +11%"),
        ({"messages": 0}, "the incumbent delivered nothing"),
        ({"incumbent_latency_ms": 0}, "was not measured"),
    ],
)
def test_one_bad_day_is_enough(stacks: Path, change_of_day: dict[str, int], words: str) -> None:
    days = [compared(day, **(change_of_day if day == 17 else {})) for day in range(10, 24)]
    change(stacks, "comparison", days=days)
    outcome = found(stacks, comparison.measure)
    assert not outcome.passed
    assert words in outcome.reason


@pytest.mark.parametrize(
    "change_of_day", [{"lost": 100}, {"duplicates": 1000}, {"reordered": 1000}, {"broker_latency_ms": 110}]
)
def test_the_tolerance_itself_is_tolerated(stacks: Path, change_of_day: dict[str, int]) -> None:
    change(stacks, "comparison", days=[compared(day, **change_of_day) for day in range(10, 24)])
    assert found(stacks, comparison.measure).passed


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (range(11, 24), "13 days are compared, and 14 are asked for"),
        ([*range(8, 15), *range(16, 24)], "nothing is compared between 2026-11-14 and 2026-11-16"),
        (range(1, 15), "the last compared day is 2026-11-14"),
        ([*range(10, 24), 23], "a day is listed twice"),
        ([*range(10, 24), 26], "later than today"),
    ],
)
def test_the_days_are_whole(stacks: Path, days: Any, words: str) -> None:
    change(stacks, "comparison", days=[compared(day) for day in days])
    outcome = found(stacks, comparison.measure)
    assert not outcome.passed
    assert words in outcome.reason


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ({"severity": "page"}, "no confirmed test of the way of: ticket"),
        ({"sent_at": "2026-10-01T10:00:00Z"}, "page, ticket"),
        ({"confirmed_at": "2026-11-20T09:00:00Z"}, "page, ticket"),
        ({"confirmed_at": "2026-12-20T09:00:00Z"}, "page, ticket"),
    ],
)
def test_each_way_was_tested_and_confirmed(stacks: Path, way: dict[str, str], words: str) -> None:
    entries = [entry | way for entry in records.report("routes")["routes"]]
    change(stacks, "routes", routes=entries)
    outcome = found(stacks, routes.measure)
    assert not outcome.passed
    assert words in outcome.reason


def test_who_is_not_trained_is_named(stacks: Path) -> None:
    people = records.report("training")["people"]
    change(
        stacks, "training", people=[people[0] | {"passed": "2025-11-23"}, people[1] | {"role": "engineer"}]
    )
    outcome = found(stacks, training.measure)
    assert (outcome.passed, outcome.figure) == (False, "0 of 2 owners")
    assert outcome.reason == "not trained: m-reyes (engineer), control-desk-karnes (operator)"


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (datetime(2026, 11, 24, 13, 59, tzinfo=UTC), "no change window is open"),
        (datetime(2026, 11, 23, 15, 0, tzinfo=UTC), "no change window is open"),
        (datetime(2026, 12, 22, 15, 0, tzinfo=UTC), "frozen until 2027-01-04: Year-end volumes"),
    ],
)
def test_a_change_has_its_hours(stacks: Path, now: datetime, words: str) -> None:
    outcome = found(stacks, change_window.measure, now)
    assert not outcome.passed
    assert words in outcome.reason


def test_the_rollback_window_opens_and_ends(stacks: Path) -> None:
    last, after = NOW + timedelta(days=86), NOW + timedelta(days=91)
    assert found(stacks, rollback_window.still_open, last).passed
    assert not found(stacks, rollback_window.over, last).passed
    assert not found(stacks, rollback_window.still_open, after).passed
    assert found(stacks, rollback_window.over, after).passed


def test_what_nobody_recorded_has_no_window(tmp_path: Path) -> None:
    stacks = copy_of_stacks(tmp_path)
    assert not found(stacks, rollback_window.still_open).passed
