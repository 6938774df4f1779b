"""What binds a promotion: the protected branch says whose word counts, of what a record says and rests on.

Each way around it is tried with what `validate`, the release and `up` ask: one judgement, called by three.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from model.edit import set_value
from tests.support import records
from tests.support.judging import (
    DECIDED,
    FAILED,
    USUAL,
    brings_signers,
    everywhere,
    validate,
)
from tests.support.records import SITE, approval
from tests.support.repository import Repository

ALL_BUT_ONE_FAILED = [
    gate | {"passed": gate["gate"] == "soak"} for gate in records.gates("promotion", "pilot")
]


def test_an_honest_promotion_is_valid_on_its_branch_and_after_the_merge(repo: Repository) -> None:
    repo.branch()
    entry = repo.promote()
    assert repo.problems() == []
    repo.approve(entry)
    repo.commit()
    assert everywhere(repo) == ["", "", ""]
    repo.merge()
    assert everywhere(repo) == ["", "", ""]
    chain = repo.chain()
    assert chain.merged == {1}
    assert chain.standings[1].approved == ("a-lindqvist", "m-reyes")


def test_data_that_changes_later_leaves_a_record_as_it_is(repo: Repository) -> None:
    repo.branch()
    repo.approve(repo.promote())
    repo.commit()
    repo.merge()
    repo.site_file.write_text(repo.site_file.read_text().replace("title: ", "title: The ", 1))
    repo.write("promotions/approvers.yaml", records.approvers(approvers=records.approvers()["approvers"][2:]))
    assert repo.problems() == []
    repo.commit()
    assert repo.problems() == []


def brings_approvers(repo: Repository) -> None:
    people = [person | {"name": f"{person['name']}-2"} for person in records.approvers()["approvers"]]
    repo.write("promotions/approvers.yaml", records.approvers(approvers=people, needed=1))
    entry = repo.promote()
    repo.approve(entry, approval(entry, "a-lindqvist-2", signer="a-lindqvist"))


def brings_fewer_gates(repo: Repository) -> None:
    """Ask for less in the very change that leaves the phase."""
    file = repo.stacks / "phases" / "pilot.yaml"
    file.write_text(set_value(file.read_text(), ("limits", "leave", "clean_policy"), "false"))
    gates = [gate for gate in records.gates("promotion", "pilot") if gate["gate"] != "policy"]
    repo.approve(repo.promote(gates=gates))


@pytest.mark.parametrize("merged", [False, True], ids=["proposed", "merged"])
@pytest.mark.parametrize(
    ("bring", "words"),
    [
        (brings_signers, "the signature does not fit the content (by the signers of main"),
        (brings_approvers, "`a-lindqvist-2` is no approver of main"),
        (brings_fewer_gates, "has also the gates `policy`"),
    ],
)
def test_what_a_change_brings_along_does_not_judge_it(
    repo: Repository,
    bring: Callable[[Repository], None],
    words: str,
    merged: bool,
) -> None:
    repo.branch()
    bring(repo)
    repo.commit()
    if merged:
        repo.merge()
    for answer in everywhere(repo):
        assert words in answer


@pytest.mark.parametrize("bring", [brings_signers, brings_approvers, brings_fewer_gates])
def test_the_same_counts_once_it_was_merged_before(
    repo: Repository, bring: Callable[[Repository], None]
) -> None:
    """The control: it is the order that is wrong, and nothing else."""
    repo.branch("trust")
    bring(repo)
    for path in ("sites", f"promotions/{SITE}"):
        repo.git("add", "--all")
        repo.git("rm", "--quiet", "--cached", "-r", f"stacks/{path}")
    repo.git("checkout", "--quiet", "main", "--", "stacks/sites")
    if (repo.stacks / "promotions" / SITE).exists():
        for file in (repo.stacks / "promotions" / SITE).iterdir():
            file.unlink()
    repo.commit()
    repo.merge("trust")
    repo.branch()
    bring(repo)
    repo.commit()
    assert repo.problems() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gates": FAILED}, "gates.soak: has not passed, and no override is there"),
        ({"gates": ALL_BUT_ONE_FAILED}, "gates.training: has not passed"),
        ({"gates": []}, "has also the gates `soak`, `service-level`"),
        ({"gates": USUAL[:-1]}, "has also the gates `change-window`"),
        ({"gates": [*USUAL, USUAL[0] | {"gate": "luck"}]}, "`luck` is no gate of a promotion"),
        ({"gates": [*USUAL[:-1], USUAL[-1] | {"gate": "comparison"}]}, "`comparison` is no gate"),
        ({"override": DECIDED}, "every gate passed: there is nothing to override"),
        ({"gates": FAILED, "override": DECIDED | {"approver": "j-doe"}}, "`j-doe` is no approver of main"),
        (
            {"gates": FAILED, "override": DECIDED, "made_by": "D. Okafor <d-okafor@field.example>"},
            "`d-okafor` made the record: a gate is overridden by another person",
        ),
        (
            {"gates": FAILED, "override": DECIDED, "made_by": "Person d-okafor <x@field.example>"},
            "`d-okafor` made the record",
        ),
        ({"made_at": "2099-01-01T00:00:00Z"}, "`2099-01-01T00:00:00Z` is later than now"),
        ({"made_at": "2026-11-20T05:00:00Z"}, "is before its commit (2026-11-20 06:00 UTC)"),
        ({"commit": "0" * 40}, "000000000000 is no commit of main"),
        ({"site_file": f"sha256:{'0' * 64}"}, "is not the hash of stacks/sites/eagle-ford.yaml"),
    ],
)
def test_a_record_that_does_not_count_is_refused_everywhere(
    repo: Repository, changes: dict[str, Any], words: str
) -> None:
    repo.branch()
    repo.approve(repo.promote(**changes))
    repo.commit()
    for answer in everywhere(repo):
        assert words in answer


def test_a_commit_of_the_change_itself_is_none_that_gates_may_judge(repo: Repository) -> None:
    repo.branch()
    repo.site_file.write_text(repo.site_file.read_text().replace("title: ", "title: The ", 1))
    own = repo.commit()
    repo.approve(repo.promote(commit=own))
    repo.commit()
    assert "is no commit of main: what the gates judged was never merged" in "\n".join(repo.problems())


def test_a_commit_from_before_another_record_does_not_hold_what_a_record_began_from(repo: Repository) -> None:
    began = repo.git("rev-parse", "main")
    first = repo.promote()
    repo.approve(first)
    repo.commit()
    repo.promote(2, "promotion", "parallel", "cutover", first["content"], commit=began)
    problems = "\n".join(repo.problems())
    assert "the site was not in phase `parallel`" in problems
    assert "does not hold exactly the records before this one" in problems


def test_limits_that_changed_since_are_asked_for_again(repo: Repository) -> None:
    began = repo.git("rev-parse", "main")
    file = repo.stacks / "phases" / "pilot.yaml"
    file.write_text(set_value(file.read_text(), ("limits", "leave", "soak"), "70d"))
    repo.commit()
    repo.promote(commit=began)
    assert "asks for other things to leave pilot" in "\n".join(repo.problems())


def test_a_sites_file_that_was_changed_besides_is_refused_before_and_after_the_merge(
    repo: Repository,
) -> None:
    repo.branch()
    repo.approve(repo.promote())
    repo.site_file.write_text(repo.site_file.read_text().replace("title: ", "title: The ", 1))
    words = "it was changed besides"
    assert words in "\n".join(repo.problems())
    repo.commit()
    repo.merge()
    assert words in "\n".join(repo.problems())


def test_one_change_brings_one_record(repo: Repository) -> None:
    repo.branch()
    first = repo.promote()
    repo.promote(2, "rollback", "parallel", "pilot", first["content"])
    assert "main has not this record yet, and another one follows it" in "\n".join(repo.problems())


def test_a_record_that_is_later_than_the_branch_got_it_is_refused(repo: Repository) -> None:
    repo.branch()
    late = repo.now + timedelta(days=2)
    repo.approve(repo.promote(made_at=f"{late:%Y-%m-%dT%H:%M:%SZ}"))
    repo.commit()
    repo.merge()
    assert "is later than main got it (2026-11-20" in "\n".join(repo.problems())


def test_a_signature_of_another_day_than_the_record_is_refused(repo: Repository) -> None:
    repo.branch()
    entry = repo.promote()
    late = repo.now + timedelta(days=2)
    entry["signature"] = records.signature(entry["format"], entry["content"], late)
    repo.write(records.record_path(entry), entry)
    assert "sign a record when it is made" in validate(repo)
