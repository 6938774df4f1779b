"""The protected branch is the one that is named in full, and what git cannot say is a sentence."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from components import protected
from sitectl.main import main
from tests.support import records
from tests.support.judging import brings_signers, validate
from tests.support.records import SITE
from tests.support.repository import NOW, Repository, repository


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
