"""Quantities are read as people write them, and written as each server wants them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as any_

from model.units import Bytes, Duration, Percentage, Rate, Unit, UnitError


@pytest.mark.parametrize(
    ("text", "seconds", "shortest", "go"),
    [
        ("0s", 0, "0s", "0s"),
        ("30s", 30, "30s", "30s"),
        ("5m", 300, "5m", "5m0s"),
        ("90s", 90, "1m30s", "1m30s"),
        ("1h30m", 5400, "1h30m", "1h30m0s"),
        ("24h", 86_400, "1d", "24h0m0s"),
        ("2w", 1_209_600, "14d", "336h0m0s"),
        ("90d", 7_776_000, "90d", "2160h0m0s"),
    ],
)
def test_a_duration_is_written_as_each_server_gives_it_back(
    text: str, seconds: int, shortest: str, go: str
) -> None:
    duration = Duration.parse(text)
    assert (duration.seconds, str(duration), duration.go()) == (seconds, shortest, go)
    assert (duration.vault(), duration.milliseconds) == (str(seconds), seconds * 1000)
    assert duration.prometheus() == shortest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "d",
        "5 m",
        "-5m",
        "5min",
        "1m1h",
        "5m5m",
        "1.5h",
        "5M",
        "\u0665m",
        "5m\n",
        "36501d",
        "9" * 99 + "s",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        Duration.parse(text)


@given(any_.integers(0, Duration.LONGEST))
def test_a_duration_survives_being_written(seconds: int) -> None:
    assert Duration.parse(str(Duration(seconds))) == Duration(seconds)
    assert Duration.parse(Duration(seconds).go()) == Duration(seconds)


@pytest.mark.parametrize(
    ("text", "count", "kubernetes"),
    [
        ("0B", 0, "0"),
        ("512B", 512, "512"),
        ("64MiB", 2**26, "64Mi"),
        ("1024MiB", 2**30, "1Gi"),
        ("3KiB", 3072, "3Ki"),
    ],
)
def test_bytes_are_written_for_kubernetes(text: str, count: int, kubernetes: str) -> None:
    assert (Bytes.parse(text).count, Bytes.parse(text).kubernetes()) == (count, kubernetes)


@pytest.mark.parametrize(
    "text", ["", "64", "64M", "64MB", "64Mi", "64 MiB", "-1MiB", "1.5GiB", "64mib", "64MiB\n"]
)
def test_what_is_no_amount_of_bytes_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        Bytes.parse(text)


@given(any_.integers(0, 2**39))
def test_bytes_survive_being_written(count: int) -> None:
    assert Bytes.parse(str(Bytes(count))) == Bytes(count)


@given(any_.integers(0, 999_999_999))
def test_a_rate_survives_being_written(count: int) -> None:
    rate = Rate.parse(str(Rate(count)))
    assert (rate.count, rate.per) == (count, "s")


@pytest.mark.parametrize("text", ["", "500", "500/m", "500 /s", "5.5/s", "-1/s", "1_000/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        Rate.parse(text)


def test_a_percentage_is_exact() -> None:
    assert Percentage.parse("99.95%").ratio == Decimal("0.9995")
    assert str(Percentage.parse("99.50%")) == "99.5%"
    assert str(Percentage.parse("100%")) == "100%"


@given(any_.decimals(0, 100, places=4))
def test_a_percentage_survives_being_written(value: Decimal) -> None:
    assert Percentage.parse(str(Percentage(value))) == Percentage(value)


@pytest.mark.parametrize("text", ["", "99.5", "0.995", "101%", "-1%", "99,5%", "99.5 %", "1e2%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        Percentage.parse(text)


@pytest.mark.parametrize("unit", [Duration, Bytes, Rate, Percentage])
def test_the_examples_in_the_schema_are_right(unit: type[Unit]) -> None:
    for example in unit.EXAMPLES:
        assert str(unit.parse(example)) == example


@given(any_.sampled_from([Duration, Bytes, Rate, Percentage]), any_.text(max_size=12))
def test_any_text_is_a_quantity_or_a_worded_error(unit: type[Unit], text: str) -> None:
    try:
        unit.parse(text)
    except UnitError as error:
        worded = error.problem and error.remedy
        assert worded
