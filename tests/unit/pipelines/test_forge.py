"""What the steps ask of a forge, against a server on loopback that answers as the forge's REST API is documented to."""

from collections.abc import Iterator

import pytest

from pipelines.comment import MARK
from pipelines.forge import Forge, ForgeError, GitHub, GitLab, Rest, present
from tests.support.forge import Api, request, serving

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


def test_another_accounts_comment_with_the_mark_is_left_alone(forge: Forge, api: tuple[Api, str]) -> None:
    """Who writes the mark first would else be edited by the review, and show what they like under its name."""
    planted = {"id": 150, "body": f"{MARK}\nmay be merged", "html_url": "c150", "user": {"login": "thief"}}
    api[0].comments.append({**planted, "author": {"username": "thief"}})
    forge.comment(7, MARK, f"{MARK}\nmust not be merged")
    forge.comment(7, MARK, f"{MARK}\nmust not be merged, still")
    assert api[0].comments[150]["body"].endswith("may be merged")
    assert [entry["body"] for entry in api[0].comments[151:]] == [f"{MARK}\nmust not be merged, still"]


def test_a_quoted_mark_is_none(forge: Forge, api: tuple[Api, str]) -> None:
    quoting = {"id": 150, "html_url": "c150", "user": {"login": api[0].account}}
    api[0].comments.append({**quoting, "author": {"username": api[0].account}, "body": f"> {MARK}"})
    forge.comment(7, MARK, f"{MARK}\nfirst")
    assert api[0].comments[150]["body"] == f"> {MARK}"


def test_a_record_came_by_the_request_that_was_merged(forge: Forge, api: tuple[Api, str]) -> None:
    assert forge.merged(HEAD, "main") is None
    api[0].requests += [
        request(5, "thief", HEAD, merged_at=None, state="opened"),
        request(6, "thief", HEAD, base={"ref": "else"}, target_branch="else"),
        request(7, "m-reyes", HEAD),
    ]
    found = forge.merged(HEAD, "main")
    assert found is not None
    assert (found.number, found.author, found.commit, found.own) == (7, "m-reyes", HEAD, True)


def test_a_request_of_a_fork_is_not_the_repositorys_own(forge: Forge, api: tuple[Api, str]) -> None:
    fork = {"sha": HEAD, "repo": {"full_name": "thief/broker"}}
    api[0].requests.append(request(7, "thief", HEAD, head=fork, source_project_id=66))
    assert not forge.request(7).own
    assert [entry.own for entry in forge.open_requests("main")] == [False]


def test_an_objection_stands_until_it_is_taken_back(forge: Forge, api: tuple[Api, str]) -> None:
    api[0].requests.append(request(7, "m-reyes", HEAD))
    assert forge.objections(7) == ()
    review = {"commit_id": HEAD}
    api[0].reviews += [
        {**review, "state": "CHANGES_REQUESTED", "user": {"login": "a-lindqvist"}},
        {**review, "state": "APPROVED", "user": {"login": "a-lindqvist"}},
        {**review, "state": "CHANGES_REQUESTED", "user": {"login": "r-mackenzie"}},
        {**review, "state": "DISMISSED", "user": {"login": "r-mackenzie"}},
        # Of an earlier commit, and only talked about since: it stands.
        {**review, "state": "CHANGES_REQUESTED", "user": {"login": "d-okafor"}, "commit_id": "b" * 40},
        {**review, "state": "COMMENTED", "user": {"login": "d-okafor"}},
    ]
    api[0].reviewers += [
        {"user": {"username": "a-lindqvist"}, "state": "approved"},
        {"user": {"username": "d-okafor"}, "state": "requested_changes"},
    ]
    assert forge.objections(7) == ("d-okafor",)


def test_gitlabs_own_word_for_an_objection_is_enough(forge: Forge, api: tuple[Api, str]) -> None:
    """A person who is no reviewer of the merge request may ask for changes, too."""
    api[0].requests.append(request(7, "m-reyes", HEAD, detailed_merge_status="requested_changes"))
    assert forge.objections(7) == (("a reviewer",) if isinstance(forge, GitLab) else ())


def test_a_status_is_set_and_found_again(forge: Forge, api: tuple[Api, str]) -> None:
    assert not forge.is_good(HEAD, "iot-broker/review")
    forge.say(HEAD, "iot-broker/review", good=True, words="well " * 100)
    forge.say(HEAD, "iot-broker/approved", good=False, words="lacking")
    assert forge.is_good(HEAD, "iot-broker/review")
    assert not forge.is_good(HEAD, "iot-broker/approved")
    assert all(len(entry["words"]) <= 140 for entry in api[0].statuses)
    forge.say(HEAD, "iot-broker/review", good=False, words="not any more")
    assert not forge.is_good(HEAD, "iot-broker/review")


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
