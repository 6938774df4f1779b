"""A forge on loopback for tests: it answers as GitHub's and GitLab's REST APIs are documented to."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Api:
    """Comments, reviews and requests in memory; `asked` is what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        # More than one page of somebody else's words come first.
        self.comments: list[dict[str, Any]] = [
            {"id": number, "body": "hm", "html_url": f"c{number}"} for number in range(150)
        ]
        self.reviews: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.broken = False

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        self.asked.append((method, path, token))
        bare, _, query = path.partition("?")
        if self.broken:
            return 502, {"message": "Bad gateway"}
        if "comments" in bare or "notes" in bare:
            return self._comments(method, bare, query, body)
        if re.search(r"/commits/[0-9a-f]{40}/(pulls|merge_requests)$", bare):
            return 200, page(self.requests, query)
        if bare.endswith("/reviews"):
            return 200, page(self.reviews, query)
        if bare.endswith("/approvals"):
            return 200, {
                "approved_by": [{"user": {"username": name}} for name in ("a-lindqvist", "d-okafor")]
            }
        return self._requests(method, body)

    def _comments(self, method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, page(self.comments, query)
        if method == "POST":
            self.comments.append({"id": len(self.comments), "html_url": "new", **body})
            return 201, self.comments[-1]
        entry = self.comments[int(path.rsplit("/", 1)[1])]
        entry |= body
        return 200, entry

    def _requests(self, method: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, self.requests
        if method == "POST":
            self.requests.append({"number": 7, "iid": 7, "html_url": "r7", "web_url": "r7", **body})
            return 201, self.requests[-1]
        self.requests[0] |= body
        return 200, self.requests[0]


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
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
