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


<<<<<<< HEAD
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


def validate(repo: Repository) -> str:
    """Return what `sitectl validate` prints; the code is 1 exactly when it says a mistake."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo.root)
        outcome = CliRunner().invoke(main, ["validate"])
    assert outcome.exit_code == ("mistake" in outcome.stderr), outcome.output
    return outcome.output


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


=======
>>>>>>> 77c5b35 (tests: part what binds a promotion by who, by keys and by branch)
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
<<<<<<< HEAD


def withdraw(repo: Repository, index: int, until: str) -> None:
    own = records.signers()
    own["signers"][index]["keys"][0]["until"] = until
    repo.write("promotions/signers.yaml", own)
    repo.commit("Withdrawn")


@pytest.mark.parametrize("index", [0, 1], ids=["the record's key", "an approver's key"])
def test_what_a_withdrawn_key_signs_with_an_earlier_time_is_void(repo: Repository, index: int) -> None:
    """Whoever stole the key writes whatever time they like: what nobody has seen before it was withdrawn is late."""
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


def test_an_edit_of_a_merged_approval_is_a_proposal_again(repo: Repository) -> None:
    repo.branch()
    entry = repo.promote()
    repo.approve(entry)
    repo.commit()
    repo.merge()
    withdraw(repo, 4, "2026-11-20T23:00:00Z")
    repo.approve(entry, *(approval(entry, name) for name in ("a-lindqvist", "m-reyes", "p-novak")))
    assert "the signature was not there before that" in "\n".join(repo.problems())


def test_former_records_count_as_former_rules_judged_them_until_a_day(repo: Repository) -> None:
    repo.branch()
    entry = repo.promote(gates=USUAL[:1], commit="0" * 40)
    repo.write(records.approvals_path(entry), records.former_approvals(entry))
    repo.commit()
    merged = repo.now
    repo.merge()
    told = "\n".join(repo.problems())
    assert "is of a time when one key signed for all approvers" in told
    assert "has also the gates" in told
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


def test_the_protected_branch_is_the_remotes_and_no_tag_of_its_name(repo: Repository, tmp_path: Path) -> None:
    repo.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    repo.git("remote", "add", "origin", str(tmp_path / "bare"))
    repo.git("fetch", "--quiet", "origin")
    brings_signers(repo)
    repo.commit()
    # What a thief may push: tags and branches of any name.
    repo.git("tag", "origin/main")
    repo.git("branch", "origin/main")
    assert "does not fit the content" in "\n".join(repo.problems())
    branch = repo.judge().branch
    assert branch is not None
    assert (branch.name, branch.tip) == ("origin/main", repo.git("rev-parse", "refs/remotes/origin/main"))


@pytest.mark.parametrize("name", ["origin/main", "refs/remotes/origin/main"])
def test_the_variable_names_the_protected_branch(
    repo: Repository, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(protected.VARIABLE, name)
    repo.promote()
    with pytest.raises(protected.ProtectedBranchError, match="is not here"):
        repo.judge()
    repo.git("update-ref", "refs/remotes/origin/main", "main")
    assert repo.problems() == []


def test_what_git_cannot_say_is_a_sentence(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.promote()
    (repo.root / ".git" / "HEAD").write_text("broken")
    assert "git cannot read the checkout" in validate_plainly(repo)
    monkeypatch.setenv(protected.VARIABLE, "main")
    copy = repository(tmp_path / "again")
    copy.promote()
    (copy.root / ".git").rename(tmp_path / "elsewhere")
    assert "is no git checkout" in validate_plainly(copy)


def validate_plainly(repo: Repository) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo.root)
        outcome = CliRunner().invoke(main, ["validate"])
    assert outcome.exit_code == 1
    return outcome.stderr


def test_a_shallow_clone_is_refused(repo: Repository, tmp_path: Path) -> None:
    repo.promote()
    repo.commit()
    repo.git("clone", "--quiet", "--depth=1", f"file://{repo.root}", str(tmp_path / "shallow"))
    with pytest.raises(protected.ProtectedBranchError, match="shallow"):
        protected.judge(tmp_path / "shallow", now=NOW)


def test_outside_of_git_the_files_beside_the_records_count_and_that_is_said(
    repo: Repository, tmp_path: Path
) -> None:
    repo.approve(repo.promote())
    (repo.root / ".git").rename(tmp_path / "elsewhere")
    assert repo.problems() == []
    assert "this is no git checkout. Its records are judged by the signers" in validate(repo)
    entry = records.record(1, "promotion", "pilot", "parallel", "none", made_at="2099-01-01T00:00:00Z")
    repo.write(records.record_path(entry), entry)
    assert "is later than now" in "\n".join(repo.problems())


def test_without_any_record_git_is_not_asked(repo: Repository) -> None:
    (repo.root / ".git" / "HEAD").write_text("broken")
    assert repo.judge().branch is None


def test_what_the_first_commit_brought_is_judged_by_itself(tmp_path: Path) -> None:
    """A repository begins somewhere: there is no earlier word than that of its first commit."""
    first = repository(tmp_path / "first")
    report = records.report("policy")
    first.write(f"reports/{SITE}/policy.yaml", report)
    first.git("checkout", "--quiet", "--orphan", "again")
    first.commit()
    first.git("branch", "--force", "main")
    assert first.problems() == []
    branch = first.judge().branch
    assert branch is not None
    arrival = branch.arrival(f"reports/{SITE}/policy.yaml", last=True)
    assert arrival is not None
    assert (arrival.commit, arrival.before) == (first.git("rev-parse", "main"), None)


def test_a_report_is_judged_by_the_protected_branchs_signers(repo: Repository) -> None:
    repo.branch()
    own = records.signers(keys=[{"version": 1, "key": records.public_key_of("p-novak")}])
    repo.write("promotions/signers.yaml", own)
    report = records.report("policy")
    signature = records.signature(report["format"], report["content"], repo.now, "p-novak")
    repo.write(f"reports/{SITE}/policy.yaml", report | {"signature": signature | {"signer": "tests"}})
    assert "by the signers of main" in "\n".join(repo.problems())
    repo.commit()
    repo.merge()
    assert "by the signers of main" in "\n".join(repo.problems())
=======
>>>>>>> 77c5b35 (tests: part what binds a promotion by who, by keys and by branch)
