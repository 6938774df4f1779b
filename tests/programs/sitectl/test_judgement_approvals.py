"""Each who approves a promotion signs for themselves; who made it, and who decided on a gate, does not count."""

from typing import Any

import pytest

from tests.support import records
from tests.support.judging import DECIDED, FAILED, everywhere, up, validate, withdraw
from tests.support.records import approval
from tests.support.repository import Repository


def test_an_override_takes_the_signature_of_who_decided_and_two_more(repo: Repository) -> None:
    repo.branch()
    entry = repo.promote(gates=FAILED, override=DECIDED)
    repo.approve(entry, approval(entry, "a-lindqvist"), approval(entry, "m-reyes"))
    assert repo.problems() == []
    assert "no approval of d-okafor, who is to have overridden a gate" in up(repo)
    repo.approve(entry, approval(entry, "a-lindqvist"), approval(entry, "d-okafor"))
    assert "1 of 2 approvals (a-lindqvist)" in up(repo)
    repo.approve(entry, *(approval(entry, name) for name in ("a-lindqvist", "m-reyes", "d-okafor")))
    assert up(repo) == ""


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"name": "j-doe"}], "`j-doe` is no approver of main"),
        ([{"name": "a-lindqvist", "signer": "m-reyes"}], "is not the own key or name of `a-lindqvist`"),
        ([{"name": "a-lindqvist", "signer": "tests"}], "is not the own key or name of `a-lindqvist`"),
        ([{"name": "a-lindqvist", "role": "manager"}], "`a-lindqvist` is engineer, not manager"),
        ([{"name": "a-lindqvist", "made_at": "2099-01-01T00:00:00Z"}], "is of 2099-01-01T00:00:00Z"),
        ([{"name": "a-lindqvist", "made_at": "2026-11-19T00:00:00Z"}], "is of 2026-11-19T00:00:00Z"),
    ],
)
def test_an_approval_that_is_not_a_persons_own_is_refused_everywhere(
    repo: Repository, entries: list[dict[str, Any]], words: str
) -> None:
    repo.branch()
    entry = repo.promote()
    given = [approval(entry, **facts) for facts in entries]
    repo.approve(entry, *given, approval(entry, "d-okafor"), approval(entry, "p-novak"))
    repo.commit()
    for answer in everywhere(repo):
        assert words in answer


def test_an_approval_that_was_edited_or_is_of_another_record_is_refused(repo: Repository) -> None:
    repo.branch()
    entry = repo.promote()
    repo.approve(entry, approval(entry, "a-lindqvist") | {"source": "elsewhere"})
    assert "does not fit the content" in "\n".join(repo.problems())
    other = entry | {"content": f"sha256:{'1' * 64}"}
    repo.approve(entry, approval(other, "a-lindqvist"))
    assert "does not fit the content" in "\n".join(repo.problems())


@pytest.mark.parametrize(
    "made_by",
    [
        "A. Lindqvist <a-lindqvist@field.example>",
        "Person a-lindqvist <x@field.example>",
        "A-Lindqvist-Login <x@y>",
    ],
)
def test_who_made_the_record_does_not_approve_it(repo: Repository, made_by: str) -> None:
    repo.branch()
    repo.approve(repo.promote(made_by=made_by))
    assert "`a-lindqvist` made the record: people do not approve their own" in "\n".join(repo.problems())


def test_who_signed_the_record_does_not_approve_it(repo: Repository) -> None:
    """Git's name is anybody's word; the key is not."""
    own = records.signers()
    own["signers"][1]["uses"] = ["approval", "promotion"]
    repo.write("promotions/signers.yaml", own)
    repo.commit()
    repo.branch()
    entry = repo.promote()
    entry["signature"] = records.signature(entry["format"], entry["content"], repo.now, "a-lindqvist")
    repo.write(records.record_path(entry), entry)
    repo.approve(entry)
    assert "`a-lindqvist` made the record" in "\n".join(repo.problems())


def test_one_person_under_two_names_counts_for_neither(repo: Repository) -> None:
    people = records.approvers()["approvers"]
    twin = people[0] | {"name": "a-twin", "title": "Twin", "accounts": ["twin"]}
    repo.write("promotions/approvers.yaml", records.approvers(approvers=[*people, twin]))
    repo.commit()
    outcome = validate(repo)
    assert "`a-lindqvist` is the key of a-lindqvist, too: one person would count as two" in outcome
    repo.branch()
    entry = repo.promote()
    repo.approve(entry, approval(entry, "a-lindqvist"), approval(entry, "a-twin", signer="a-lindqvist"))
    assert "is signed by a key that two approvers share" in "\n".join(repo.problems())


def test_without_approvals_it_may_be_looked_at_and_not_deployed(repo: Repository) -> None:
    repo.branch()
    entry = repo.promote()
    repo.commit()
    assert repo.problems() == []
    assert "record 1 has 0 of 2 approvals: it is not deployed before" in validate(repo)
    assert up(repo, preview=True) == ""
    assert "record 1 has 0 of 2 approvals" in up(repo)
    repo.merge()
    assert all("record 1 has 0 of 2 approvals" in answer for answer in everywhere(repo))
    assert up(repo, head=entry["content"]) == ""


def test_a_rollback_is_approved_by_who_merges_it_but_not_an_overridden_one(repo: Repository) -> None:
    repo.branch()
    first = repo.promote()
    repo.approve(first)
    repo.commit()
    repo.merge()
    repo.promote(2, "rollback", "parallel", "pilot", first["content"])
    assert up(repo) == ""
    gates = [gate | {"passed": False} for gate in records.gates("rollback", "parallel")]
    entry = repo.promote(2, "rollback", "parallel", "pilot", first["content"], gates=gates, override=DECIDED)
    assert "no approval of d-okafor" in up(repo)
    repo.approve(entry, approval(entry, "d-okafor"))
    assert up(repo) == ""


def test_an_edit_of_a_merged_approval_is_a_proposal_again(repo: Repository) -> None:
    repo.branch()
    entry = repo.promote()
    repo.approve(entry)
    repo.commit()
    repo.merge()
    withdraw(repo, 4, "2026-11-20T23:00:00Z")
    repo.approve(entry, *(approval(entry, name) for name in ("a-lindqvist", "m-reyes", "p-novak")))
    assert "the signature was not there before that" in "\n".join(repo.problems())
