"""What a change touches, in which order sites are deployed, and what two branches may not both do."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from model import load_site, site_names
from model.edit import set_value
from model.promotion.review import Waves
from pipelines.affected import affected
from pipelines.waves import read_waves, waves
from sitectl import append_only, git
from sitectl.main import main
from tests.support import records
from tests.support.records import SITE
from tests.support.repository import repository
from tests.support.shell import copy_program

ME = ("-c", "user.name=Tests", "-c", "user.email=tests@field.example")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout of the program with one commit."""
    root = copy_program(tmp_path / "program")
    git.must(root, "init", "--quiet", "--initial-branch=main")
    commit(root)
    return root


def commit(root: Path) -> None:
    git.must(root, "add", "--all")
    git.must(root, *ME, "commit", "--quiet", "--allow-empty", "--message", "More")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_a_comment_touches_nobody(root: Path) -> None:
    edit(root / "stacks" / "defaults.yaml", "protect: true", "protect: true  # for now")
    assert affected(root, "HEAD").sites == ()


def test_a_sites_data_touches_that_site(root: Path) -> None:
    edit(root / "stacks" / "sites" / f"{SITE}.yaml", "Karnes County", "Karnes")
    assert affected(root, "HEAD").why == {SITE: "its data"}


def test_defaults_touch_every_site(root: Path) -> None:
    edit(root / "stacks" / "defaults.yaml", "log_level: warning", "log_level: info")
    assert affected(root, "HEAD").sites == site_names(root / "stacks")


def test_the_program_touches_every_site(root: Path) -> None:
    edit(root / "__main__.py", "def main()", "def  main()")
    assert set(affected(root, "HEAD").why.values()) == {"the program (__main__.py)"}


def test_a_record_is_a_promotion(root: Path) -> None:
    records.write(root / "stacks", records.texts(records.chain()[:1]))
    found = affected(root, "HEAD")
    assert (found.promoted, found.why) == ((SITE,), {SITE: "its phase"})


def test_a_revision_that_is_not_here_is_a_sentence(root: Path) -> None:
    with pytest.raises(git.GitError, match="`origin/main` is no revision here"):
        affected(root, "origin/main")


def test_the_canary_goes_first_and_then_region_by_region(root: Path) -> None:
    stacks = root / "stacks"
    sites = [load_site(stacks, name) for name in site_names(stacks)]
    order = read_waves(stacks).value
    assert waves(sites, order) == [["eagle-ford"], ["baytown"], ["north-cormorant"]]
    assert waves(sites, None) == [["north-cormorant"], ["baytown"], ["eagle-ford"]]
    other = Waves(format="iot-broker/waves/1", canary="baytown", regions=("uk-north-sea",))
    assert waves(sites, other) == [["baytown"], ["north-cormorant"], ["eagle-ford"]]
    assert waves([], other) == []


def test_a_canary_that_is_no_site_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(root / "stacks" / "waves.yaml", "canary: eagle-ford", "canary: eagle-fjord")
    monkeypatch.chdir(root)
    outcome = CliRunner().invoke(main, ["validate"])
    assert outcome.exit_code == 1
    assert "did you mean `eagle-ford`?" in outcome.stderr


@pytest.fixture
def promoted(root: Path) -> Path:
    """The same with three records, committed."""
    records.write(root / "stacks", records.texts())
    file = root / "stacks" / "sites" / f"{SITE}.yaml"
    file.write_text(set_value(file.read_text(), ("phase",), "parallel"))
    commit(root)
    return root


def told(root: Path, revision: str = "main") -> list[str]:
    return [
        f"{error.file.name}: {error.problem}; {error.remedy}"
        for error in append_only.mistakes(root, revision)
    ]


def test_records_that_are_all_there_are_no_mistake(promoted: Path) -> None:
    assert told(promoted) == []
    edit(promoted / "stacks" / "promotions" / SITE / "0001-parallel.yaml", "passed: true", "passed:  true")
    assert told(promoted) == []


def test_a_removed_record_is_told(promoted: Path) -> None:
    shutil.rmtree(promoted / "stacks" / "promotions" / SITE)
    assert len(told(promoted)) == 5
    assert all("records are never removed" in words for words in told(promoted))


def test_an_edited_record_is_told(promoted: Path) -> None:
    edit(promoted / "stacks" / "promotions" / SITE / "0001-parallel.yaml", "92d", "93d")
    assert "rebase and promote again, or restore it" in told(promoted)[0]


def test_another_branchs_record_of_the_same_number_is_a_fork(promoted: Path) -> None:
    file = promoted / "stacks" / "promotions" / SITE / "0003-parallel.yaml"
    file.rename(file.with_name("0003-cutover.yaml"))
    assert {words.rpartition("; ")[2] for words in told(promoted)} == {"rebase and promote again"}


def test_validate_compares_with_the_commit_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    promoted = repository(tmp_path / "program")
    promoted.approve(promoted.promote())
    promoted.commit()
    monkeypatch.chdir(promoted.root)
    assert CliRunner().invoke(main, ["validate", SITE]).exit_code == 0
    (promoted.stacks / "promotions" / SITE / "0001-parallel.approvals.yaml").unlink()
    outcome = CliRunner().invoke(main, ["validate", SITE])
    assert (outcome.exit_code, "records are never removed" in outcome.stderr) == (1, True)
    unknown = CliRunner().invoke(main, ["validate", "--against", "nowhere"])
    assert (unknown.exit_code, "`nowhere` is no revision here" in unknown.stderr) == (1, True)
