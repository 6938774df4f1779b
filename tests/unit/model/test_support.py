"""A version's end of support is known, and announced a year ahead of the day that the caller names."""

from datetime import date

import pytest

from model import load_site
from model.broker import Broker
from model.support import support_of, support_warning
from tests.unit.model.bad_sites import STACKS


def broker(edition: str, version: str) -> Broker:
    sample = load_site(STACKS, "eagle-ford").broker
    return sample.model_copy(update={"edition": edition, "version": version})


@pytest.mark.parametrize(
    ("edition", "version", "end"),
    [
        ("opensource", "5.8.9", date(2025, 12, 31)),
        ("enterprise", "5.8.9", date(2027, 8, 27)),
        ("enterprise", "6.0.1", date(2027, 3, 30)),
        ("enterprise", "6.3.1", None),
    ],
)
def test_the_end_of_support_is_the_publishers(edition: str, version: str, end: date | None) -> None:
    assert support_of(broker(edition, version)).end == end


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 8, 26), None),
        (date(2026, 8, 27), "ends on 2027-08-27"),
        (date(2027, 8, 26), "ends on 2027-08-27"),
        (date(2027, 8, 27), "ended on 2027-08-27"),
    ],
)
def test_the_warning_begins_a_year_before_the_end(today: date, words: str | None) -> None:
    warning = support_warning(broker("enterprise", "5.8.9"), today)
    assert warning is None if words is None else words in str(warning)


def test_the_opensource_edition_is_past_its_last_release() -> None:
    assert "no release since 2025-12-31" in str(
        support_warning(broker("opensource", "5.8.9"), date(2026, 11, 1))
    )


def test_no_warning_without_a_known_end() -> None:
    assert support_warning(broker("enterprise", "6.3.1"), date(2030, 1, 1)) is None


@pytest.mark.parametrize(
    ("edition", "version", "api"),
    [
        ("opensource", "5.8.9", "apps.emqx.io/v2beta1"),
        ("enterprise", "5.8.9", "apps.emqx.io/v2beta1"),
        ("enterprise", "5.10.1", "apps.emqx.io/v2"),
    ],
)
def test_the_operators_api_follows_edition_and_version(edition: str, version: str, api: str) -> None:
    assert broker(edition, version).operator_api == api
