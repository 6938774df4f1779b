"""Durations pass between Go's texts and Keycloak's seconds without loss."""

import pytest

from lab.plugins.keycloak.durations import DurationError, duration_of, same_duration, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("0", 0),
        ("5m", 300),
        ("5m0s", 300),
        ("1h30m", 5400),
        ("720h0m0s", 2592000),
        ("1.5h", 5400),
        ("1500ms", 1),
    ],
)
def test_a_go_duration_is_a_number_of_seconds(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "five minutes", "5m ", "5d", "-5m"])
def test_what_is_no_duration_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(DurationError) as refusal:
        seconds_of(text)
    assert refusal.value.text == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (30, "30s"), (300, "5m0s"), (1800, "30m0s"), (43200, "12h0m0s"), (3661, "1h1m1s")],
)
def test_seconds_are_written_as_go_writes_them(seconds: int, text: str) -> None:
    assert duration_of(seconds) == text


def test_two_spellings_of_one_length_are_the_same() -> None:
    assert same_duration("5m", "5m0s")
    assert same_duration("300s", "5m")
    assert not same_duration("5m", "10m")
    assert not same_duration("", "")
