"""What the steps need of a forge: one comment, approvals, and one change request; by GitHub's or GitLab's REST API.

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


class ForgeError(Exception):
    """The forge does not answer as it should: a sentence for people."""


@dataclass(frozen=True)
class Approved:
    """Who made a change request, who has approved its last commit, and where it is."""

    author: str
    accounts: tuple[str, ...]
    address: str


class Forge(ABC):
    """A forge as the steps see it; every method raises ForgeError."""

    @abstractmethod
    def comment(self, number: int, mark: str, text: str) -> str:
        """Write the comment that bears the mark, in place of an earlier one; return its address."""

    @abstractmethod
    def approved(self, commit: str) -> Approved | None:
        """Return the approvals of the change request that a commit came from; None when it came from none."""

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

    def __init__(self, rest: Rest, repository: str) -> None:
        self._rest = rest
        self._repository = f"/repos/{repository}"
        self._owner = repository.partition("/")[0]

    def comment(self, number: int, mark: str, text: str) -> str:
        """Write the comment that bears the mark."""
        for entry in self._rest.pages(f"{self._repository}/issues/{number}/comments"):
            if mark in (entry.get("body") or ""):
                path = f"{self._repository}/issues/comments/{entry['id']}"
                return str(self._rest.ask("PATCH", path, {"body": text})["html_url"])
        made = self._rest.ask("POST", f"{self._repository}/issues/{number}/comments", {"body": text})
        return str(made["html_url"])

    def approved(self, commit: str) -> Approved | None:
        """Return the approvals of the last commit: an approval of an earlier one does not count."""
        requests = self._rest.pages(f"{self._repository}/commits/{quote(commit)}/pulls")
        if not requests:
            return None
        request = requests[0]
        latest: dict[str, str] = {}
        for entry in self._rest.pages(f"{self._repository}/pulls/{request['number']}/reviews"):
            if entry["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
                current = entry["commit_id"] == request["head"]["sha"]
                latest[entry["user"]["login"]] = entry["state"] if current else "OLD"
        accounts = tuple(sorted(user for user, state in latest.items() if state == "APPROVED"))
        return Approved(request["user"]["login"], accounts, request["html_url"])

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
        """Write the note that bears the mark."""
        notes = f"{self._project}/merge_requests/{number}/notes"
        for entry in self._rest.pages(notes):
            if mark in (entry.get("body") or ""):
                path = f"{notes}/{entry['id']}"
                return f"note {self._rest.ask('PUT', path, {'body': text})['id']}"
        return f"note {self._rest.ask('POST', notes, {'body': text})['id']}"

    def approved(self, commit: str) -> Approved | None:
        """Return the approvals of the merge request; GitLab is to remove approvals when commits are added."""
        found = self._rest.pages(f"{self._project}/repository/commits/{quote(commit)}/merge_requests")
        if not found:
            return None
        request = found[0]
        given = self._rest.ask("GET", f"{self._project}/merge_requests/{request['iid']}/approvals")
        accounts = tuple(sorted(entry["user"]["username"] for entry in given["approved_by"]))
        return Approved(request["author"]["username"], accounts, request["web_url"])

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
        return GitHub(Rest(_needed("GITHUB_API_URL"), headers), os.environ["GITHUB_REPOSITORY"])
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
