"""A forge on loopback for tests: it answers as GitHub's and GitLab's REST APIs are documented to."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class Api:
    """Comments, reviews and requests in memory; `asked` is what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        # More than one page of somebody else's words come first.
        self.comments: list[dict[str, Any]] = [
            {"id": number, "body": "hm", "html_url": f"c{number}", **_author("else")} for number in range(150)
        ]
        self.reviews: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.reviewers: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.account = "github-actions[bot]"
        self.broken = False

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        self.asked.append((method, path, token))
        bare, _, query = path.partition("?")
        if self.broken:
            return 502, {"message": "Bad gateway"}
        if "comments" in bare or "notes" in bare:
            return self._comments(method, bare, query, body)
        if "statuses" in bare:
            return self._statuses(method, bare, query, body)
        if re.search(r"/commits/[0-9a-f]{40}/(pulls|merge_requests)$", bare):
            return 200, page(self.requests, query)
        if bare.endswith("/user"):
            return 200, {"username": self.account}
        if bare.endswith("/reviews"):
            return 200, page(self.reviews, query)
        if bare.endswith("/reviewers"):
            return 200, page(self.reviewers, query)
        return self._requests(method, bare, query, body)

    def _statuses(self, method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
        """GitHub gives all of them, the latest first; GitLab the latest of a name."""
        if method == "POST":
            name = body.get("context") or body.get("name")
            state = {"context": name, "name": name, "state": body["state"], "status": body["state"]}
            self.statuses.insert(0, {**state, "commit": path.rsplit("/", 1)[1], "words": body["description"]})
            return 201, {}
        found = [entry for entry in self.statuses if f"/{entry['commit']}/" in path]
        if "name=" in query:
            wanted = unquote(re.findall(r"name=([^&]+)", query)[0])
            found = [entry for entry in found if entry["name"] == wanted][:1]
        return 200, page(found, query)

    def _comments(self, method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, page(self.comments, query)
        if method == "POST":
            made = {"id": len(self.comments), "html_url": "new", **_author(self.account)}
            self.comments.append({**made, **body})
            return 201, self.comments[-1]
        entry = self.comments[int(path.rsplit("/", 1)[1])]
        entry |= body
        return 200, entry

    def _requests(self, method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
        if method == "GET" and re.search(r"/(pulls|merge_requests)/\d+$", path):
            number = int(path.rsplit("/", 1)[1])
            return 200, next(entry for entry in self.requests if entry["number"] == number)
        if method == "GET":
            return 200, page(self.requests, query) if "per_page" in query else self.requests
        if method == "POST":
            self.requests.append({"number": 7, "iid": 7, "html_url": "r7", "web_url": "r7", **body})
            return 201, self.requests[-1]
        self.requests[0] |= body
        return 200, self.requests[0]


def _author(name: str) -> dict[str, Any]:
    return {"user": {"login": name}, "author": {"username": name}}


def request(number: int, author: str, commit: str, **changes: Any) -> dict[str, Any]:
    """Return a change request as both forges describe it: merged into `main` from a branch of the repository."""
    return {
        "number": number,
        "iid": number,
        "html_url": f"request {number}",
        "web_url": f"request {number}",
        **_author(author),
        "head": {"sha": commit, "repo": {"full_name": "field/broker"}},
        "base": {"ref": "main"},
        "merged_at": "2026-11-24T15:00:00Z",
        "sha": commit,
        "state": "merged",
        "target_branch": "main",
        "source_project_id": 42,
        "target_project_id": 42,
        "detailed_merge_status": "mergeable",
    } | changes


def page(entries: list[Any], query: str) -> list[Any]:
    wanted = dict(part.split("=") for part in query.split("&"))
    size, number = int(wanted["per_page"]), int(wanted["page"])
    return entries[size * (number - 1) : size * number]


@contextlib.contextmanager
def serving() -> Iterator[tuple[Api, str]]:
    """Give the state of a forge, and its address."""
    state = Api()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"null")
            token = self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or ""
            status, data = state.answer(self.command, self.path, token, body)
            text = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # Who came and went again would else be waited for, and the server could not be stopped.
    server.socket.setblocking(False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
