"""What the steps ask of a forge, against a server on loopback that answers as the forge's REST API is documented to."""

from collections.abc import Iterator

import pytest

from pipelines.comment import MARK
from pipelines.forge import Forge, ForgeError, GitHub, GitLab, Rest, present
from tests.support.forge import Api, serving

HEAD = "a" * 40


@pytest.fixture
def api() -> Iterator[tuple[Api, str]]:
    """The forge's state, and its address."""
    with serving() as forge:
        yield forge


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest, api: tuple[Api, str], monkeypatch: pytest.MonkeyPatch) -> Forge:
    """The forge that a runner's own variables name."""
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    named = {
        "github": {"GITHUB_REPOSITORY": "field/broker", "GITHUB_API_URL": api[1], "GITHUB_TOKEN": "secret"},
        "gitlab": {"CI_PROJECT_ID": "42", "CI_API_V4_URL": api[1], "GITLAB_TOKEN": "secret"},
    }
    for name, value in named[request.param].items():
        monkeypatch.setenv(name, value)
    found = present()
    assert found is not None
    assert isinstance(found, GitHub if request.param == "github" else GitLab)
    return found


def test_there_is_one_comment_and_it_is_updated_in_place(forge: Forge, api: tuple[Api, str]) -> None:
    before = len(api[0].comments)
    forge.comment(7, MARK, f"{MARK}\nfirst")
    forge.comment(7, MARK, f"{MARK}\nsecond")
    assert len(api[0].comments) == before + 1
    assert api[0].comments[-1]["body"].endswith("second")
    assert {token.rpartition(" ")[2] for _, _, token in api[0].asked} == {"secret"}


def test_there_is_one_request_and_it_is_updated_in_place(forge: Forge, api: tuple[Api, str]) -> None:
    forge.change_request("drift", "main", "Drift", "first")
    assert forge.change_request("drift", "main", "Drift", "second") == "r7"
    assert len(api[0].requests) == 1
    assert "second" in (api[0].requests[0].get("body"), api[0].requests[0].get("description"))


def test_the_approvals_are_those_of_the_request(forge: Forge, api: tuple[Api, str]) -> None:
    assert forge.approved(HEAD) is None
    person = {"login": "m-reyes", "username": "m-reyes"}
    api[0].requests.append(
        {
            "number": 7,
            "iid": 7,
            "html_url": "r7",
            "web_url": "r7",
            "user": person,
            "author": person,
            "head": {"sha": HEAD},
        }
    )
    review = {"state": "APPROVED", "commit_id": HEAD}
    api[0].reviews += [
        {**review, "user": {"login": "a-lindqvist"}},
        {**review, "user": {"login": "d-okafor"}},
        # Approved before the last commit, taken back, and only commented on.
        {**review, "user": {"login": "old"}, "commit_id": "b" * 40},
        {**review, "user": {"login": "changed"}},
        {**review, "user": {"login": "changed"}, "state": "CHANGES_REQUESTED"},
        {**review, "user": {"login": "talker"}, "state": "COMMENTED"},
    ]
    given = forge.approved(HEAD)
    assert given is not None
    assert (given.author, given.accounts) == ("m-reyes", ("a-lindqvist", "d-okafor"))


def test_a_forge_that_fails_is_a_sentence_without_the_token(forge: Forge, api: tuple[Api, str]) -> None:
    api[0].broken = True
    with pytest.raises(ForgeError, match="HTTP 502") as error:
        forge.comment(7, MARK, "text")
    assert "secret" not in str(error.value)


def test_without_tls_nothing_is_asked() -> None:
    with pytest.raises(ForgeError, match="https"):
        Rest("http://forge.example", {})


def test_outside_of_a_forge_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    assert present() is None


def test_a_missing_token_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "field/broker")
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    with pytest.raises(ForgeError, match="GITHUB_TOKEN is not set"):
        present()
