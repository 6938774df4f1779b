"""A change is read as data, and never run: what it brings gets no login, and a link brings no file of the machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from components import protected
from model import SiteErrors, load_site
from model.edit import set_value
from model.estate import load_estate
from pipelines import comment
from pipelines.change import data_of
from pipelines.review import review
from pipelines.runner import serve
from sitectl.main import main
from tests.support import thief
from tests.support.records import SITE
from tests.support.repository import Repository, repository

SECRET = "root:x:0:0"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """An engineer's clone of a bare repository."""
    monkeypatch.delenv(protected.VARIABLE, raising=False)
    made = repository(tmp_path / "engineer")
    made.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    made.git("remote", "add", "origin", str(tmp_path / "bare.git"))
    made.git("fetch", "--quiet", "origin")
    return made


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the machine that no review may show."""
    file = tmp_path / "secret"
    file.write_text(SECRET)
    return file


@pytest.mark.parametrize(
    "place",
    ["sites/eagle-ford.yaml", "defaults.yaml", "waves.yaml", "promotions/signers.yaml", "sites/passwd.yaml"],
)
def test_a_link_in_the_data_is_refused_and_shows_nothing(repo: Repository, secret: Path, place: str) -> None:
    (repo.stacks / place).unlink(missing_ok=True)
    (repo.stacks / place).symlink_to(secret)
    found = load_estate(repo.stacks, ()).errors
    assert [(error.file, error.problem) for error in found] == [
        (repo.stacks / place, "is a link, and data is never read through one")
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo.root)
        outcome = CliRunner().invoke(main, ["validate"])
    assert (outcome.exit_code, SECRET in outcome.output) == (1, False)
    with pytest.raises(SiteErrors, match="is a link"):
        load_site(repo.stacks, SITE)


@pytest.mark.parametrize("place", ["sites", "profiles", "promotions", "reports", "contracts"])
def test_a_folder_that_is_a_link_is_refused(repo: Repository, tmp_path: Path, place: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    if (repo.stacks / place).exists():
        (repo.stacks / place).rename(tmp_path / "elsewhere" / place)
    (repo.stacks / place).symlink_to(tmp_path / "elsewhere" / place)
    assert [error.file for error in load_estate(repo.stacks, ()).errors] == [repo.stacks / place]
    with pytest.raises(SiteErrors, match="is a link"):
        load_site(repo.stacks, SITE)


def test_the_data_folder_itself_may_be_no_link(repo: Repository, tmp_path: Path) -> None:
    repo.stacks.rename(tmp_path / "elsewhere")
    repo.stacks.symlink_to(tmp_path / "elsewhere")
    assert [error.file for error in load_estate(repo.stacks, ()).errors] == [repo.stacks]


def test_a_changes_data_is_what_git_keeps_of_it_and_no_more(repo: Repository, secret: Path) -> None:
    (repo.stacks / "sites" / "passwd.yaml").symlink_to(secret)
    (repo.stacks / "linked").symlink_to("/etc")
    (repo.stacks / "a file.yaml").write_text("x: 1\n")
    (repo.stacks / ".hidden").write_text("x")
    (repo.stacks / "large.yaml").write_text("#" * (1024 * 1024 + 1))
    (repo.stacks / f"Pulumi.{SITE}.yaml").write_text("config: {}\n")
    commit = repo.commit()
    with data_of(repo.root, commit) as change:
        folder = change.folder
        told = {error.file.name: error.problem for error in change.mistakes}
        kept = {str(file.relative_to(change.stacks)) for file in change.stacks.rglob("*") if file.is_file()}
        text = (change.stacks / "sites" / f"{SITE}.yaml").read_bytes()
    assert not folder.exists()
    assert told == {
        "passwd.yaml": "is a link, and data is never read through one",
        "linked": "is a link, and data is never read through one",
        "stacks": "holds a file with a name that is none: 'stacks/a file.yaml'",
        "large.yaml": "is larger than 1 MiB",
    }
    assert text == repo.site_file.read_bytes()
    assert not {"a file.yaml", ".hidden", "large.yaml", f"Pulumi.{SITE}.yaml", "linked"} & kept
    assert {"defaults.yaml", "promotions/signers.yaml"} <= kept


def test_attributes_and_filters_do_not_touch_a_changes_data(repo: Repository) -> None:
    repo.git("config", "filter.upper.smudge", "tr a-z A-Z")
    repo.git("config", "filter.upper.clean", "cat")
    (repo.root / ".gitattributes").write_text("*.yaml filter=upper text eol=crlf\n")
    commit = repo.commit()
    with data_of(repo.root, commit) as change:
        assert (change.stacks / "waves.yaml").read_text() == (repo.stacks / "waves.yaml").read_text()


def test_a_review_says_links_by_their_place(repo: Repository, secret: Path) -> None:
    repo.branch()
    (repo.stacks / "sites" / "passwd.yaml").symlink_to(secret)
    commit = repo.commit()
    repo.git("checkout", "--quiet", "main")
    text = comment.text(review(repo.root, "main", (), commit))
    assert "stacks/sites/passwd.yaml: is a link, and data is never read through one" in text
    assert "must not be merged" in text
    assert SECRET not in text


def test_a_change_of_the_program_is_said_and_neither_run_nor_signed(repo: Repository, tmp_path: Path) -> None:
    repo.branch()
    thief.plant(repo.root, tmp_path / "loot")
    commit = repo.commit()
    repo.git("checkout", "--quiet", "--force", "main")
    found = review(repo.root, "main", (), commit)
    assert {"__main__.py", "components/__init__.py", "model/__init__.py"} <= set(found.program)
    assert (found.problems, found.plans) == ([], {})
    text = comment.text(found)
    assert "**It changes the program**: `Pulumi.yaml`, `__main__.py`" in text
    assert "**It changes other code**: `.ci/run`" in text
    assert {"Makefile", "conftest.py", "pipelines/__init__.py", ".venv/bin/python"} <= set(found.code)


def test_a_phase_does_not_change_together_with_the_program_that_judges_it(repo: Repository) -> None:
    repo.branch()
    (repo.root / "__main__.py").write_text("print()\n")
    repo.approve(repo.promote())
    commit = repo.commit()
    repo.git("checkout", "--quiet", "--force", "main")
    (problem,) = review(repo.root, "main", (), commit).problems
    assert "a change of phase comes together with a change of the program" in problem


def test_a_program_that_is_behind_is_brought_up_to_date_first(repo: Repository) -> None:
    repo.branch()
    repo.site_file.write_text(repo.site_file.read_text().replace("title: ", "title: The ", 1))
    commit = repo.commit()
    repo.git("checkout", "--quiet", "--force", "main")
    (repo.root / "__main__.py").write_text("print()\n")
    repo.commit()
    (problem,) = review(repo.root, "main", (), commit).problems
    assert "is older than the protected branch's" in problem


def test_settings_and_trust_that_a_change_touches_are_shown(repo: Repository) -> None:
    repo.branch()
    (repo.stacks / "Pulumi.baytown.yaml").write_text("config: {}\n")
    file = repo.stacks / "promotions" / "approvers.yaml"
    file.write_text(set_value(file.read_text(), ("needed",), "1"))
    commit = repo.commit()
    repo.git("checkout", "--quiet", "--force", "main")
    text = comment.text(review(repo.root, "main", (), commit))
    assert "**It changes whose word counts**: `stacks/promotions/approvers.yaml`" in text
    assert "**It changes settings**, which say where logins are sent: `stacks/Pulumi.baytown.yaml`" in text


def test_the_runner_runs_nothing_of_a_change(repo: Repository, tmp_path: Path) -> None:
    bare, work, loot = str(tmp_path / "bare.git"), tmp_path / "runner", tmp_path / "loot"
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in thief.variables().items():
            patch.setenv(name, value)
        assert serve(bare, "main", "change/", work, (), said.append)
        repo.branch("change/thief")
        thief.plant(repo.root, loot)
        commit = repo.commit()
        # Names that a short one would be taken for.
        repo.git("push", "--quiet", "origin", "change/thief", "change/thief:refs/heads/origin/main")
        repo.git("push", "--quiet", "origin", "change/thief:refs/tags/origin/main")
        assert serve(bare, "main", "change/", work, (), said.append)
    assert f"review of change/thief ({commit[:12]})" in "\n".join(said)
    assert "It changes the program" in "\n".join(said)
    assert thief.stolen(loot) == {}
    assert control(tmp_path, bare, commit, loot)


def control(tmp_path: Path, bare: str, commit: str, loot: Path) -> bool:
    """Do as runners did: check the change out, and run the steps in it. The thief gets what it is after."""
    folder = tmp_path / "as-before"
    for command in (
        ("git", "clone", "--quiet", bare, str(folder)),
        ("git", "-C", str(folder), "checkout", "-q", commit),
    ):
        subprocess.run(command, check=True, capture_output=True)
    subprocess.run(
        (sys.executable, "-m", "pipelines", "review", "--against", "refs/remotes/origin/main"),
        cwd=folder,
        env={**os.environ, **thief.variables()},
        check=False,
        capture_output=True,
    )
    return thief.VALUE in "".join(thief.stolen(loot).values())


def test_two_runners_share_the_work(repo: Repository, tmp_path: Path) -> None:
    """One with rights to read reviews, one with rights to deploy releases."""
    bare, work = str(tmp_path / "bare.git"), tmp_path / "runner"
    assert serve(bare, "main", "change/", work, (), lambda _: None)
    repo.branch("change/it")
    (repo.root / "__main__.py").write_text("print()\n")
    repo.commit()
    repo.git("push", "--quiet", "origin", "change/it")
    said: list[str] = []
    assert serve(bare, "main", "change/", work, (), said.append, only="release")
    assert said == []
    assert serve(bare, "main", "change/", work, (), said.append, only="review")
    assert said[0].startswith("review of change/it")
