"""A lab that was never up can be asked and taken down without harm."""

from pathlib import Path

import pytest

from lab.errors import NotRunningError
from lab.estate import Estate


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate(tmp_path, "paper")


def test_every_server_of_it_is_down(estate: Estate) -> None:
    statuses = estate.status()
    assert statuses
    assert not any(status.ready or status.pid for status in statuses)


def test_asking_leaves_nothing_behind(estate: Estate, tmp_path: Path) -> None:
    estate.status()
    assert list(tmp_path.iterdir()) == []


def test_it_is_not_up(estate: Estate) -> None:
    assert not estate.is_up()


def test_it_has_no_environment(estate: Estate) -> None:
    with pytest.raises(NotRunningError):
        estate.environment()


def test_taking_it_down_stops_nothing(estate: Estate) -> None:
    assert estate.down() == 0


def test_a_purge_leaves_nothing(estate: Estate, tmp_path: Path) -> None:
    estate.state.mkdir(parents=True)
    (estate.state / "ports.json").write_text("{}")
    estate.down(purge=True)
    assert list(tmp_path.iterdir()) == []


def test_two_labs_of_one_checkout_have_states_of_their_own(estate: Estate, tmp_path: Path) -> None:
    assert Estate(tmp_path, "other").state != estate.state
