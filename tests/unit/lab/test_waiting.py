"""Waiting ends with the condition, the deadline, or somebody's wish."""

import threading

import pytest

from lab.waiting import CancelledError, NotInTimeError, wait_until


def test_ends_as_soon_as_the_condition_holds() -> None:
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), 5, "the third answer") < 5


def test_names_what_did_not_happen_in_time() -> None:
    with pytest.raises(NotInTimeError, match="a miracle: not within"):
        wait_until(lambda: False, 0.05, "a miracle")


def test_ends_when_it_is_cancelled() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CancelledError):
        wait_until(lambda: False, 60, "nothing", cancelled)


def test_passes_on_what_the_condition_raises() -> None:
    def broken() -> bool:
        raise LookupError

    with pytest.raises(LookupError):
        wait_until(broken, 60, "nothing")
