"""What the steps need of a forge: comment, statuses, objections, change requests; by GitHub's or GitLab's REST API.

Which forge, and what it knows of the run, comes from the variables that its own runners set.
"""

import json
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

SECONDS = 30.0
PAGE = 100
LONGEST = 140
"""Characters of a status's words, of which GitHub takes no more."""


class ForgeError(Exception):
    """The forge does not answer as it should: a sentence for people."""


REQUESTED_CHANGES = "requested_changes"
"""GitLab's word for a reviewer's objection."""


@dataclass(frozen=True)
class Request:
    """A change request: its number, its last commit and the ref that holds it, who opened it, and where it is.

    `own` says that it comes from a branch of the repository itself, and not from a fork.
    """

    number: int
    commit: str
    ref: str
    author: str
    address: str
    own: bool


class Forge(ABC):
    """A forge as the steps see it; every method raises ForgeError."""

    @abstractmethod
    def comment(self, number: int, mark: str, text: str) -> str:
        """Write the comment that begins with the mark, in place of this account's earlier one; return its address."""

    @abstractmethod
    def request(self, number: int) -> Request:
        """Return a change request."""

    @abstractmethod
    def open_requests(self, into: str) -> list[Request]:
        """Return the open change requests for a branch."""

    @abstractmethod
    def merged(self, commit: str, into: str) -> Request | None:
        """Return the change request by which a commit was merged into a branch; None when it came by none."""

    @abstractmethod
    def objections(self, number: int) -> tuple[str, ...]:
        """Return who asked for changes and has not taken it back; a later commit takes nothing back."""

    @abstractmethod
    def say(self, commit: str, name: str, *, good: bool, words: str) -> None:
        """Set the status of a commit under a name, by which the forge can hold back a merge."""

    @abstractmethod
    def is_good(self, commit: str, name: str) -> bool:
        """Say whether the last status of a commit under a name is good."""

    @abstractmethod
    def change_request(self, branch: str, into: str, title: str, text: str) -> str:
        """Open the change request of a branch, or update the open one; return its address."""


class Rest:
    """A REST API behind an address, with a token that is never printed."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        import urllib3

        self._address = address.rstrip("/")
        if not self._address.startswith(("https://", "http://127.0.0.1:")):
            raise ForgeError(f"{address} is no https:// address")
        self._headers = {**headers, "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(retries=False, timeout=SECONDS)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON of an answer that must be 2xx; raises ForgeError."""
        import urllib3

        data = None if body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(method, self._address + path, body=data, headers=self._headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ForgeError(f"{self._address} does not answer: {type(error).__name__}") from None
        if answer.status // 100 != 2:
            words = answer.data.decode(errors="replace")[:300]
            raise ForgeError(f"{method} {path}: HTTP {answer.status}: {words}")
        return json.loads(answer.data or b"null")

    def pages(self, path: str) -> list[Any]:
        """Return the entries of all pages."""
        found: list[Any] = []
        while True:
            mark = "&" if "?" in path else "?"
            part = self.ask("GET", f"{path}{mark}per_page={PAGE}&page={len(found) // PAGE + 1}")
            found += part
            if len(part) < PAGE:
                return found


class GitHub(Forge):
    """GitHub's REST API, or a GitHub Enterprise's; variables GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN."""

    def __init__(self, rest: Rest, repository: str, account: str) -> None:
        self._rest = rest
        self._name = repository
        self._repository = f"/repos/{repository}"
        self._owner = repository.partition("/")[0]
        self._account = account

    def comment(self, number: int, mark: str, text: str) -> str:
        """Write the comment that begins with the mark; another account's with the same mark stays as it is."""
        for entry in self._rest.pages(f"{self._repository}/issues/{number}/comments"):
            ours = (entry.get("user") or {}).get("login") == self._account
            if ours and (entry.get("body") or "").startswith(mark):
                path = f"{self._repository}/issues/comments/{entry['id']}"
                return str(self._rest.ask("PATCH", path, {"body": text})["html_url"])
        made = self._rest.ask("POST", f"{self._repository}/issues/{number}/comments", {"body": text})
        return str(made["html_url"])

    def request(self, number: int) -> Request:
        """Return a pull request."""
        return self._request(self._rest.ask("GET", f"{self._repository}/pulls/{number}"))

    def open_requests(self, into: str) -> list[Request]:
        """Return the open pull requests for a branch."""
        path = f"{self._repository}/pulls?state=open&base={quote(into, safe='')}"
        return [self._request(entry) for entry in self._rest.pages(path)]

    def merged(self, commit: str, into: str) -> Request | None:
        """Return the pull request by which a commit was merged."""
        for entry in self._rest.pages(f"{self._repository}/commits/{quote(commit)}/pulls"):
            if entry.get("merged_at") and entry["base"]["ref"] == into:
                return self._request(entry)
        return None

    def objections(self, number: int) -> tuple[str, ...]:
        """Return whose last review asks for changes, whichever commit it was of."""
        latest: dict[str, str] = {}
        for entry in self._rest.pages(f"{self._repository}/pulls/{number}/reviews"):
            if entry["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
                latest[entry["user"]["login"]] = entry["state"]
        return tuple(sorted(user for user, state in latest.items() if state == "CHANGES_REQUESTED"))

    def say(self, commit: str, name: str, *, good: bool, words: str) -> None:
        """Set a commit's status."""
        body = {"state": "success" if good else "failure", "context": name, "description": words[:LONGEST]}
        self._rest.ask("POST", f"{self._repository}/statuses/{quote(commit)}", body)

    def is_good(self, commit: str, name: str) -> bool:
        """Say whether a commit's last status under a name, which GitHub gives first, is good."""
        found = self._rest.pages(f"{self._repository}/commits/{quote(commit)}/statuses")
        states = [entry["state"] for entry in found if entry["context"] == name]
        return bool(states) and states[0] == "success"

    def _request(self, entry: Any) -> Request:
        number, head = int(entry["number"]), entry["head"]
        return Request(
            number=number,
            commit=head["sha"],
            ref=f"refs/pull/{number}/head",
            author=entry["user"]["login"],
            address=entry["html_url"],
            own=((head.get("repo") or {}).get("full_name")) == self._name,
        )

    def change_request(self, branch: str, into: str, title: str, text: str) -> str:
        """Open the pull request of a branch, or update the open one."""
        head = quote(f"{self._owner}:{branch}", safe="")
        found = self._rest.ask("GET", f"{self._repository}/pulls?state=open&head={head}")
        if found:
            path = f"{self._repository}/pulls/{found[0]['number']}"
            return str(self._rest.ask("PATCH", path, {"title": title, "body": text})["html_url"])
        body = {"title": title, "head": branch, "base": into, "body": text}
        return str(self._rest.ask("POST", f"{self._repository}/pulls", body)["html_url"])


class GitLab(Forge):
    """GitLab's REST API; variables CI_API_V4_URL, CI_PROJECT_ID, GITLAB_TOKEN."""

    def __init__(self, rest: Rest, project: str) -> None:
        self._rest = rest
        self._project = f"/projects/{quote(project, safe='')}"

    def comment(self, number: int, mark: str, text: str) -> str:
        """Write the note that begins with the mark; another account's with the same mark stays as it is."""
        account = self._rest.ask("GET", "/user")["username"]
        notes = f"{self._project}/merge_requests/{number}/notes"
        for entry in self._rest.pages(notes):
            ours = (entry.get("author") or {}).get("username") == account
            if ours and (entry.get("body") or "").startswith(mark):
                path = f"{notes}/{entry['id']}"
                return f"note {self._rest.ask('PUT', path, {'body': text})['id']}"
        return f"note {self._rest.ask('POST', notes, {'body': text})['id']}"

    def request(self, number: int) -> Request:
        """Return a merge request."""
        return self._request(self._rest.ask("GET", f"{self._project}/merge_requests/{number}"))

    def open_requests(self, into: str) -> list[Request]:
        """Return the open merge requests for a branch."""
        path = f"{self._project}/merge_requests?state=opened&target_branch={quote(into, safe='')}"
        return [self._request(entry) for entry in self._rest.pages(path)]

    def merged(self, commit: str, into: str) -> Request | None:
        """Return the merge request by which a commit was merged."""
        for entry in self._rest.pages(f"{self._project}/repository/commits/{quote(commit)}/merge_requests"):
            if entry["state"] == "merged" and entry["target_branch"] == into:
                return self._request(entry)
        return None

    def objections(self, number: int) -> tuple[str, ...]:
        """Return the reviewers who ask for changes."""
        path = f"{self._project}/merge_requests/{number}"
        found = self._rest.pages(f"{path}/reviewers")
        people = tuple(
            sorted(entry["user"]["username"] for entry in found if entry["state"] == REQUESTED_CHANGES)
        )
        blocked = self._rest.ask("GET", path).get("detailed_merge_status") == REQUESTED_CHANGES
        return people or (("a reviewer",) if blocked else ())

    def say(self, commit: str, name: str, *, good: bool, words: str) -> None:
        """Set a commit's status."""
        body = {"state": "success" if good else "failed", "name": name, "description": words[:LONGEST]}
        self._rest.ask("POST", f"{self._project}/statuses/{quote(commit)}", body)

    def is_good(self, commit: str, name: str) -> bool:
        """Say whether a commit's status under a name is good; GitLab gives the latest of each name."""
        path = f"{self._project}/repository/commits/{quote(commit)}/statuses?name={quote(name, safe='')}"
        found = self._rest.pages(path)
        return bool(found) and found[-1]["status"] == "success"

    def _request(self, entry: Any) -> Request:
        return Request(
            number=int(entry["iid"]),
            commit=entry["sha"],
            ref=f"refs/merge-requests/{entry['iid']}/head",
            author=entry["author"]["username"],
            address=entry["web_url"],
            own=entry["source_project_id"] == entry["target_project_id"],
        )

    def change_request(self, branch: str, into: str, title: str, text: str) -> str:
        """Open the merge request of a branch, or update the open one."""
        path = f"{self._project}/merge_requests"
        found = self._rest.ask("GET", f"{path}?state=opened&source_branch={quote(branch, safe='')}")
        if found:
            body = {"title": title, "description": text}
            return str(self._rest.ask("PUT", f"{path}/{found[0]['iid']}", body)["web_url"])
        body = {"source_branch": branch, "target_branch": into, "title": title, "description": text}
        return str(self._rest.ask("POST", path, body)["web_url"])


def present() -> Forge | None:
    """Return the forge whose runner this is, by the variables that it sets; None outside of one. Raises ForgeError."""
    if os.environ.get("GITHUB_REPOSITORY"):
        token = _needed("GITHUB_TOKEN")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        # A run's own token speaks as this account, and cannot ask who it is; another token's account is named.
        account = os.environ.get("IOT_BROKER_ACCOUNT") or "github-actions[bot]"
        return GitHub(Rest(_needed("GITHUB_API_URL"), headers), os.environ["GITHUB_REPOSITORY"], account)
    if os.environ.get("CI_PROJECT_ID"):
        return GitLab(
            Rest(_needed("CI_API_V4_URL"), {"PRIVATE-TOKEN": _needed("GITLAB_TOKEN")}),
            os.environ["CI_PROJECT_ID"],
        )
    return None


def _needed(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ForgeError(f"{name} is not set: the forge cannot be asked")
    return value
