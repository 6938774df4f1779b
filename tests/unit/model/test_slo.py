"""Burn-rate rules: the arithmetic of the SRE workbook, and the text that Prometheus reads."""

from decimal import Decimal

from model.slo import WINDOWS, budget, burns, error_recordings, plain
from model.units import Percentage


def test_a_window_burns_as_fast_as_its_share_of_the_month_says() -> None:
    rates = [(str(window.long), window.burn_rate) for window in WINDOWS]
    assert rates == [("1h", Decimal("14.4")), ("6h", 6), ("1d", 3), ("3d", 1)]


def test_every_short_window_is_a_twelfth_of_its_long_one() -> None:
    assert {window.long.seconds // window.short.seconds for window in WINDOWS} == {12}


def test_the_budget_is_what_the_promise_leaves() -> None:
    assert budget(Percentage.parse("99.5%")) == Decimal("0.005")


def test_an_alert_needs_the_long_and_the_short_window_and_the_time_itself() -> None:
    """The time lost counts against the whole window: of a few samples, one is a large share."""
    assert burns("serving", "errors", '{site="x"}', Percentage.parse("99.9%"), "page") == (
        '(errors_1h{site="x"} > 0.0144 and errors_5m{site="x"} > 0.0144'
        ' and sum_over_time((1 - serving{site="x"})[1h:1m]) > 0.864)'
        ' or (errors_6h{site="x"} > 0.006 and errors_30m{site="x"} > 0.006'
        ' and sum_over_time((1 - serving{site="x"})[6h:5m]) > 0.432)'
    )


def test_each_window_is_recorded_once_shortest_first() -> None:
    names = [rule.name for rule in error_recordings("serving", "errors", "")]
    assert names == [f"errors_{length}" for length in ("5m", "30m", "1h", "2h", "6h", "1d", "3d")]


def test_a_record_is_the_share_of_time_without_service() -> None:
    rule = error_recordings("serving", "errors", '{site="x"}')[0]
    assert rule.expression == '1 - avg_over_time(serving{site="x"}[5m])'


def test_thresholds_have_no_exponent() -> None:
    assert plain(Decimal("0.00000010")) == "0.0000001"
    assert plain(Decimal("10")) == "10"
