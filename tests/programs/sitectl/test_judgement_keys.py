"""A withdrawn key voids what no branch held before, and former records count as former rules judged them."""

from datetime import timedelta

import pytest

from tests.support import records
from tests.support.judging import USUAL, withdraw
from tests.support.repository import Repository


@pytest.mark.parametrize("index", [0, 1], ids=["the record's key", "an approver's key"])
def test_what_a_withdrawn_key_signs_with_an_earlier_time_is_void(repo: Repository, index: int) -> None:
    """A thief of the key writes any time: what no branch held before it was withdrawn is late."""
    before = repo.now
    withdraw(repo, index, "2026-11-20T12:00:00Z")
    repo.branch()
    repo.now = before
    repo.approve(repo.promote(commit=repo.git("rev-parse", "main~1")))
    assert "and the signature was not there before that" in "\n".join(repo.problems())


@pytest.mark.parametrize("index", [0, 1], ids=["the record's key", "an approver's key"])
def test_what_was_merged_before_its_key_was_withdrawn_stays(repo: Repository, index: int) -> None:
    repo.branch()
    repo.approve(repo.promote())
    repo.commit()
    repo.merge()
    withdraw(repo, index, "2026-11-20T23:00:00Z")
    assert repo.problems() == []
    withdraw(repo, index, "2026-11-20T06:30:00Z")
    assert "was withdrawn on 2026-11-20T06:30:00Z" in "\n".join(repo.problems())


def test_former_records_count_as_former_rules_judged_them_until_a_day(repo: Repository) -> None:
    repo.branch()
    entry = repo.promote(gates=USUAL[:1], commit="0" * 40)
    repo.write(records.approvals_path(entry), records.former_approvals(entry))
    repo.commit()
    merged = repo.now
    repo.merge()
    found = "\n".join(repo.problems())
    assert "is of a time when one key signed for all approvers" in found
    assert "has also the gates" in found
    until = (merged + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    repo.write("promotions/approvers.yaml", records.approvers(former_rules_until=until))
    repo.commit()
    assert repo.problems() == []
    assert repo.chain().standings[1].approved == ("a-lindqvist", "m-reyes")
    earlier = (merged - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    repo.write("promotions/approvers.yaml", records.approvers(former_rules_until=earlier))
    repo.commit()
    assert repo.problems()


def test_a_change_cannot_set_the_day_of_former_rules_for_itself(repo: Repository) -> None:
    repo.branch()
    repo.write("promotions/approvers.yaml", records.approvers(former_rules_until="2026-11-25T00:00:00Z"))
    repo.promote(gates=[])
    repo.commit()
    assert "has also the gates" in "\n".join(repo.problems())
