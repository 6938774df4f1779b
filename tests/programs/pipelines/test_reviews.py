"""Change requests are reviewed from the protected branch, on either forge, with none of their own pipelines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components import protected
from pipelines import comment, reviews
from tests.support import thief
from tests.support.forge import Api, request, serving
from tests.support.repository import Repository, repository

MAIN = "refs/remotes/origin/main"
REFS = {"github": "refs/pull/7/head", "gitlab": "refs/merge-requests/7/head"}


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Api, str]]:
    """A forge on whose protected branch this runs, and how it names the last commit of its change request 7."""
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID", protected.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with serving() as (api, address):
        named = {
            "github": {
                "GITHUB_REPOSITORY": "field/broker",
                "GITHUB_API_URL": address,
                "GITHUB_TOKEN": "secret",
            },
            "gitlab": {"CI_PROJECT_ID": "42", "CI_API_V4_URL": address, "GITLAB_TOKEN": "secret"},
        }
        for name, value in named[request.param].items():
            monkeypatch.setenv(name, value)
        api.comments.clear()
        yield api, REFS[request.param]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """The runner's checkout of the protected branch."""
    made = repository(tmp_path / "program")
    made.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    made.git("remote", "add", "origin", str(tmp_path / "bare.git"))
    made.git("fetch", "--quiet", "origin")
    return made


def propose(repo: Repository, ref: str, loot: Path) -> str:
    """Push a change that brings code wherever it could run, as the forge keeps it; return its commit."""
    repo.branch()
    thief.plant(repo.root, loot)
    commit = repo.commit()
    repo.git("push", "--quiet", "origin", f"HEAD:{ref}")
    repo.git("checkout", "--quiet", "--force", "main")
    return commit


def look(repo: Repository, number: int | None = None) -> tuple[bool, str]:
    said: list[str] = []
    well = reviews.look(repo.root, MAIN, "main", number, (), None, said.append, push=True)
    return well, "\n".join(said)


@pytest.mark.parametrize("number", [7, None], ids=["by an event", "by looking"])
def test_a_request_gets_one_comment_and_its_statuses_and_nothing_of_it_runs(
    repo: Repository, forge: tuple[Api, str], tmp_path: Path, number: int | None
) -> None:
    api, ref = forge
    commit = propose(repo, ref, tmp_path / "loot")
    api.requests.append(request(7, "thief", commit))
    assert look(repo, number)[0]
    (written,) = api.comments
    assert written["body"].startswith(comment.MARK)
    assert "**It changes the program**" in written["body"]
    assert {(entry["name"], entry["commit"]) for entry in api.statuses} == {
        ("iot-broker/review", commit),
        ("iot-broker/approved", commit),
    }
    assert {entry["state"] for entry in api.statuses} == {"success"}
    assert thief.stolen(tmp_path / "loot") == {}


def test_what_was_reviewed_well_is_not_looked_at_again(
    repo: Repository, forge: tuple[Api, str], tmp_path: Path
) -> None:
    api, ref = forge
    api.requests.append(request(7, "thief", propose(repo, ref, tmp_path / "loot")))
    look(repo)
    api.comments.clear()
    assert look(repo) == (True, "request 7 was reviewed")
    assert api.comments == []


def test_a_bad_review_is_made_again(repo: Repository, forge: tuple[Api, str]) -> None:
    api, ref = forge
    repo.branch()
    (repo.stacks / "sites" / "passwd.yaml").symlink_to("/etc/passwd")
    commit = repo.commit()
    repo.git("push", "--quiet", "origin", f"HEAD:{ref}")
    repo.git("checkout", "--quiet", "--force", "main")
    api.requests.append(request(7, "thief", commit))
    for _ in range(2):
        assert not look(repo)[0]
    (written,) = api.comments
    assert "stacks/sites/passwd.yaml: is a link" in written["body"]
    assert [entry["state"] for entry in api.statuses if entry["name"] == "iot-broker/review"] in (
        ["failure"] * 2,
        ["failed"] * 2,
    )


def test_a_fork_is_not_looked_at(repo: Repository, forge: tuple[Api, str], tmp_path: Path) -> None:
    api, ref = forge
    commit = propose(repo, ref, tmp_path / "loot")
    head = {"sha": commit, "repo": {"full_name": "thief/broker"}}
    api.requests.append(request(7, "thief", commit, head=head, source_project_id=66))
    assert "comes from a fork" in look(repo)[1]
    assert (api.comments, api.statuses) == ([], [])


def test_a_request_that_moves_on_meanwhile_is_left_for_the_next_time(
    repo: Repository, forge: tuple[Api, str], tmp_path: Path
) -> None:
    """What the forge named and what is fetched must be one commit: the status would be another's else."""
    api, ref = forge
    propose(repo, ref, tmp_path / "loot")
    api.requests.append(request(7, "thief", repo.git("rev-parse", "main")))
    assert "has moved on" in look(repo)[1]
    assert (api.comments, api.statuses) == ([], [])
