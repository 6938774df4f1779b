"""A version's end of support is known, and announced a year ahead of the day that the caller names."""

from datetime import date

import pytest

from model import load_site
from model.broker import Broker
from model.calendar import Day
from model.support import support_of, support_refusal, support_warning
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
        ("enterprise", "5.9.3", date(2026, 11, 1)),
        ("enterprise", "5.10.4", date(2026, 12, 8)),
        ("enterprise", "6.1.4", date(2027, 6, 30)),
        ("enterprise", "6.2.3", date(2027, 9, 30)),
        ("enterprise", "6.3.1", date(2028, 3, 3)),
        ("enterprise", "6.4.0", None),
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
        (date(2027, 8, 27), None),
    ],
)
def test_the_warning_begins_a_year_before_the_end(today: date, words: str | None) -> None:
    warning = support_warning(broker("enterprise", "5.8.9"), today)
    assert warning is None if words is None else words in str(warning)


def test_the_opensource_edition_is_past_its_last_release() -> None:
    assert "no release since 2025-12-31" in str(
        support_warning(broker("opensource", "5.8.9"), date(2026, 11, 1))
    )


def test_a_version_whose_end_nobody_told_the_kit_is_said_to_be_one() -> None:
    later = broker("enterprise", "6.4.0")
    assert "no end of support is known of EMQX enterprise 6.4.0" in str(
        support_warning(later, date(2026, 11, 1))
    )
    assert support_refusal(later, date(2030, 1, 1)) is None


@pytest.mark.parametrize(
    ("version", "today", "until", "refused", "warned"),
    [
        ("5.9.3", date(2026, 10, 31), None, None, "ends on 2026-11-01"),
        ("5.9.3", date(2026, 11, 1), None, "ended on 2026-11-01", None),
        ("5.9.3", date(2026, 11, 27), date(2026, 11, 27), None, "accepted until 2026-11-27"),
        ("5.9.3", date(2026, 11, 28), date(2026, 11, 27), "and was accepted until 2026-11-27", None),
        ("5.10.4", date(2026, 11, 27), None, None, "ends on 2026-12-08"),
        ("5.8.9", date(2027, 8, 27), None, "ended on 2027-08-27", None),
    ],
)
def test_after_its_end_a_version_is_refused_unless_the_site_accepts_it_until_a_day(
    version: str, today: date, until: date | None, refused: str | None, warned: str | None
) -> None:
    site = broker("enterprise", version).model_copy(
        update={"unsupported_until": Day(until) if until else None}
    )
    refusal, warning = support_refusal(site, today), support_warning(site, today)
    assert (refusal is None) == (refused is None)
    assert refused is None or refused in refusal[0]  # type: ignore[index] # not None, by the line above
    assert (warning is None) == (warned is None)
    assert warned is None or warned in str(warning)


def test_the_opensource_edition_has_no_support_that_could_end() -> None:
    assert support_refusal(broker("opensource", "5.8.9"), date(2030, 1, 1)) is None


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
