"""Asks Kubernetes whether the broker has taken its configuration: `python configuration.py --mark DIGEST …`.

The operator keeps what the broker took last in an annotation of the EMQX resource, and says in an event alone when the
broker refuses what it is given; the condition Ready stays as it was. So this program waits until the annotation has the
mark of the configuration that was rolled out, and the resource is ready with all of its nodes, or says what the
operator says. It stands alone: Python 3.11 is all that it needs, and a service account that may read one EMQX resource
and the events of one namespace. Exits 0 when all is well, 1 when it is not (the last line says what), and 2 for a
wrong call.
"""

import argparse
import http.client
import json
import math
import os
import re
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ANNOTATION = "apps.emqx.io/last-emqx-configuration"
REASON = "ReconcilerFailed"
ANSWER_SECONDS = 15.0
# EMQX's answer, in the operator's words: what it does not take now it will not take later.
_REFUSED = re.compile(r"status : 4\d\d")
_OK = 200

Document = Mapping[str, Any]


class NotThere(Exception):
    """Something is missing that may still come; the message says what."""


class Refused(Exception):
    """The broker refuses what it is given: no waiting mends that."""


@dataclass(frozen=True)
class Question:
    """What is asked: which resource, by the mark of which configuration, and with whose rights."""

    api_version: str
    namespace: str
    name: str
    mark: str
    cores: int
    """Core nodes that were asked for."""
    replicants: int
    """Replicants, the fewest where they scale themselves; none at 0."""
    account: Path
    """Folder with `token` and `ca.crt` of the service account."""


@dataclass(frozen=True)
class Look:
    """What was seen once: what is missing, and what the operator says of the newest specification."""

    missing: tuple[str, ...]
    said: str | None

    @property
    def refused(self) -> bool:
        """Whether the broker itself said no."""
        return self.said is not None and bool(_REFUSED.search(self.said))


def look(question: Question) -> Look:
    """Ask once; raises NotThere when the API server does not answer."""
    resource = _get(
        question, f"/apis/{question.api_version}/namespaces/{question.namespace}/emqxes/{question.name}"
    )
    fields = {"fieldSelector": f"involvedObject.kind=EMQX,involvedObject.name={question.name}"}
    events = _get(question, f"/api/v1/namespaces/{question.namespace}/events?{urlencode(fields)}")
    lacking = missing(resource, question.mark, question.cores, question.replicants)
    return Look(tuple(lacking), failure(resource, events["items"]))


def missing(resource: Document, mark: str, cores: int, replicants: int) -> list[str]:
    """Return what the resource lacks until its broker, of so many nodes, is as it was rolled out."""
    found = []
    if mark not in (resource["metadata"].get("annotations") or {}).get(ANNOTATION, ""):
        found.append(f"the broker has not taken the configuration {mark}")
    status = resource.get("status") or {}
    ready: Document = next(
        (entry for entry in status.get("conditions") or [] if entry["type"] == "Ready"), {}
    )
    if ready.get("status") != "True":
        found.append(f"the EMQX resource is not Ready: {ready.get('message') or 'nothing is said of it'}")
    core = status.get("coreNodesStatus") or {}
    # Ready stays true for a while of the nodes that were there before.
    for kind, counts, wanted in (
        ("core nodes", core, cores),
        ("replicants", status.get("replicantNodesStatus") or {}, replicants),
    ):
        if (running := counts.get("readyReplicas") or 0) < wanted:
            found.append(f"{running} of {wanted} {kind} are ready")
    # And when the nodes' template is another one.
    if core.get("currentRevision") != core.get("updateRevision"):
        found.append(f"core nodes of an earlier revision ({core.get('currentRevision')}) are still there")
    return found


def failure(resource: Document, events: list[Document]) -> str | None:
    """Return what the operator said last of its failing, since the specification was changed; None for nothing."""
    changed = specified(resource)
    uid = resource["metadata"]["uid"]
    told = [
        event
        for event in events
        if event.get("reason") == REASON
        and event["involvedObject"].get("uid") in (None, uid)
        and seen(event) >= changed
    ]
    return str(max(told, key=seen)["message"]) if told else None


def specified(resource: Document) -> str:
    """Return when the resource's specification was changed last, as Kubernetes writes times; empty if unknown."""
    entries = resource["metadata"].get("managedFields") or []
    return max(
        (str(entry.get("time", "")) for entry in entries if "f:spec" in (entry.get("fieldsV1") or {})),
        default="",
    )


def seen(event: Document) -> str:
    """Return when an event was seen last."""
    series = event.get("series") or {}
    times = (event.get("lastTimestamp"), series.get("lastObservedTime"), event.get("eventTime"))
    # Some have fractions of a second, which the others leave out.
    return max(str(found)[:19] + "Z" for found in times if found) if any(times) else ""


def _get(question: Question, path: str) -> Any:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    try:
        token = (question.account / "token").read_text(encoding="ascii").strip()
        context = ssl.create_default_context(cafile=str(question.account / "ca.crt"))
        connection = http.client.HTTPSConnection(host, int(port), timeout=ANSWER_SECONDS, context=context)
        try:
            connection.request(
                "GET", path, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}
            )
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        document = json.loads(body)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotThere(f"the API server does not answer at {host}:{port}: {error}") from None
    if answer.status != _OK:
        raise NotThere(f"the API server answers {answer.status}: {document.get('message', answer.reason)}")
    return document


def wait(
    asked: Callable[[], Look],
    within: float,
    pause: float,
    say: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
) -> float:
    """Ask until all is well twice in a row, and return the seconds that it took.

    Raises NotThere when the time is over, and Refused when the broker itself refused twice in a row. `say` gets each
    condition that is missing, once while it stays the same.
    """
    began, told, well, refusals = now(), "", 0, 0
    while True:
        try:
            found = asked()
        except NotThere as trouble:
            found = Look((str(trouble),), None)
        well = well + 1 if not found.missing else 0
        refusals = refusals + 1 if found.missing and found.refused else 0
        if well > 1:
            return now() - began
        words = "; ".join(found.missing) + (f"; the operator says: {found.said}" if found.said else "")
        if refusals > 1:
            raise Refused(words)
        if now() - began + pause > within:
            raise NotThere(f"not within {within:g} s: {words or 'it was well only once'}")
        if found.missing and words != told:
            told = words
            say(f"waiting: {told}")
        rest(pause)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def main() -> int:
    """Ask as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--api-version", required=True, help="API version of the EMQX resource, as GROUP/VERSION"
    )
    parser.add_argument("--namespace", required=True, help="its namespace")
    parser.add_argument("--name", required=True, help="its name")
    parser.add_argument(
        "--mark", required=True, help="what the configuration that was rolled out is marked with"
    )
    parser.add_argument("--cores", type=int, required=True, help="core nodes that must be ready")
    parser.add_argument("--replicants", type=int, default=0, help="replicants that must be ready")
    parser.add_argument(
        "--account", type=Path, required=True, help="folder with the service account's token, ca.crt"
    )
    parser.add_argument("--within", type=_seconds, required=True, help="seconds to wait at most")
    parser.add_argument("--pause", type=_seconds, default=2.0, help="seconds between two looks")
    arguments = parser.parse_args()
    if not {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"} <= os.environ.keys():
        parser.error(
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say where the API server is, and are not set"
        )
    asked = ("api_version", "namespace", "name", "mark", "cores", "replicants", "account")
    question = Question(**{name: getattr(arguments, name) for name in asked})

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    try:
        seconds = wait(lambda: look(question), arguments.within, arguments.pause, say)
    except Refused as refusal:
        say(f"the broker refuses its configuration: {refusal}")
        return 1
    except NotThere as trouble:
        say(str(trouble))
        return 1
    say(
        f"after {seconds:.1f} s the broker has the configuration {question.mark}, and all of its nodes are ready"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
