"""Who asks for changes at a forge is noted with a reviewer's signature: `validate`, `up` and the release stop alike."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from components import protected
from model.calendar import Moment
from pipelines import objections
from sitectl import sign, signing
from tests.support import records
from tests.support.forge import Api, request, serving
from tests.support.judging import everywhere, released, up
from tests.support.records import SITE
from tests.support.repository import NOW, Repository

ADDRESS = "https://forge.example/field/broker/pull/7"
ASKED = f"record 1 has changes asked for by m-reyes at {ADDRESS}"


@pytest.fixture
def repo(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A checkout with a promotion that is approved and merged; no forge is known."""
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    repo.branch()
    repo.approve(repo.promote())
    repo.commit()
    repo.merge()
    return repo


def note(repo: Repository, *people: str, hours: float = 0, **changes: Any) -> None:
    """Write the note that a review runner writes; `changes` are made after it was signed."""
    record = repo.chain().records[-1]
    data = records.signed(
        {
            "format": "iot-broker/objections/1",
            "site": SITE,
            "record": record.content,
            "people": list(people),
            "address": ADDRESS,
            "made_by": "pipelines approvals",
            "made_at": str(Moment.of(repo.now + timedelta(hours=hours))),
        },
        repo.now,
    )
    file = repo.root.parent / "note.json"
    file.write_text(json.dumps({**data, **changes}))
    place = objections._object(repo.root, record)
    repo.git("notes", f"--ref={protected.OBJECTIONS}", "add", "--force", f"--file={file}", place)


def test_an_objection_stops_all_three_until_it_is_taken_back(repo: Repository) -> None:
    assert everywhere(repo) == ["", "", ""]
    note(repo, "m-reyes")
    for answer in everywhere(repo):
        assert ASKED in answer
    note(repo, hours=1)
    assert everywhere(repo) == ["", "", ""]


def test_an_objection_to_what_is_only_proposed_stops_validate(repo: Repository) -> None:
    repo.branch("change/back")
    repo.promote(2, "rollback", "parallel", "pilot", repo.chain().records[-1].content)
    repo.commit()
    assert repo.problems() == []
    note(repo, "m-reyes")
    assert any("record 2 has changes asked for by m-reyes" in problem for problem in repo.problems())


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": records.signature("iot-broker/objections/1", "sha256:0", NOW)},
        {"people": ["another"]},
        {"record": f"sha256:{'0' * 64}"},
        {"format": "iot-broker/review/1"},
    ],
    ids=["signed for something else", "edited", "of another record", "another format"],
)
def test_what_no_reviewer_signed_holds_up_nothing(repo: Repository, changes: dict[str, Any]) -> None:
    note(repo, "m-reyes", **changes)
    assert everywhere(repo) == ["", "", ""]


def test_a_signer_of_other_things_objects_to_nothing(repo: Repository) -> None:
    uses = [use for use in records.USES if use != "review"]
    repo.write("promotions/signers.yaml", records.signers(uses=uses))
    repo.commit()
    note(repo, "m-reyes")
    assert everywhere(repo) == ["", "", ""]


@pytest.fixture
def forge(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A forge where m-reyes asks for changes of what brought the record; the tests sign the notes."""
    with serving() as (api, address):
        for name, value in {
            "GITHUB_REPOSITORY": "field/broker",
            "GITHUB_API_URL": address,
            "GITHUB_TOKEN": "secret",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sign, "able", lambda _use, _name: None)
        monkeypatch.setattr(signing, "signed", lambda data, _signer, now: records.signed(data, now))
        api.requests.append(request(7, "author", repo.git("rev-parse", "HEAD")))
        api.reviews.append({"state": "CHANGES_REQUESTED", "user": {"login": "m-reyes"}})
        yield api


def test_what_the_forge_says_is_noted_and_taken_back(
    repo: Repository, forge: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objections, "datetime", _Clock(NOW - timedelta(hours=1)))
    objections.keep(repo.root, repo.chain(), "none", None, push=False)
    assert "changes asked for by m-reyes at request 7" in "\n".join(repo.problems())
    assert "changes asked for by m-reyes" in up(repo)
    assert "m-reyes asked for changes at request 7" in released(repo)
    forge.reviews.append({"state": "DISMISSED", "user": {"login": "m-reyes"}})
    monkeypatch.setattr(objections, "datetime", _Clock(NOW))
    objections.keep(repo.root, repo.chain(), "none", None, push=False)
    assert everywhere(repo) == ["", "", ""]


def test_a_release_believes_the_forge_more_than_a_note_of_it(repo: Repository, forge: Api) -> None:
    """It takes the stale note out of its checkout, or `pulumi up` would stop at it."""
    note(repo, "m-reyes")
    forge.reviews.clear()
    assert ASKED in up(repo)
    assert released(repo) == ""
    assert up(repo) == ""


class _Clock:
    """Stands for the module's `datetime`: a time of the tests' own."""

    def __init__(self, moment: Any) -> None:
        self._moment = moment

    def now(self, _zone: object) -> Any:
        return self._moment
