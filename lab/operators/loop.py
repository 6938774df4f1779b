"""The control loop that all operators share: watch, queue, reconcile, and retry with backoff."""

import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.operators.kubernetes import (
    Document,
    Kind,
    KubernetesClient,
    KubernetesError,
    KubernetesUnreachable,
)

FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 10.0

log = logging.getLogger("lab.operators")


@dataclass(frozen=True, order=True)
class Key:
    """What a reconciler is asked to put right: an object by its namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Retry(Exception):
    """The work could not be done now; the sentence says why, and it is tried again soon."""


class Queue:
    """Keys that wait for their time: each at most once, the earliest time wins."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._changed = threading.Condition()
        self._taken = False

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Ask for `key` after `delay` seconds, or earlier when it was asked for earlier."""
        with self._changed:
            due = time.monotonic() + delay
            self._due[key] = min(due, self._due.get(key, due))
            self._changed.notify_all()

    def take(self) -> Key:
        """Wait until a key is due, and return it."""
        with self._changed:
            self._taken = False
            self._changed.notify_all()
            while True:
                key = min(self._due, key=self._due.__getitem__, default=None)
                wait = None if key is None else self._due[key] - time.monotonic()
                if key is not None and wait is not None and wait <= 0:
                    del self._due[key]
                    self._taken = True
                    return key
                self._changed.wait(wait)

    def wait_until_quiet(self) -> None:
        """Wait until nothing is due and nothing is being worked on; what waits for another try may go on waiting."""
        with self._changed:
            while self._taken or any(due <= time.monotonic() for due in self._due.values()):
                self._changed.wait()


@dataclass
class Watch:
    """The objects of one kind as last seen, kept current by list and watch; each change is told to `changed`."""

    client: KubernetesClient
    kind: Kind
    namespace: str | None
    selector: str
    changed: Callable[[Document], None]
    listed: Callable[[], None] = lambda: None
    objects: dict[Key, Document] = field(default_factory=dict)
    complete: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """List and watch for ever; a lost server or an old version means: wait a little and list again."""
        pause = FIRST_RETRY_SECONDS
        while True:
            try:
                version = self._list()
                pause = FIRST_RETRY_SECONDS
                while True:
                    version = self._follow(version)
            except (KubernetesError, KubernetesUnreachable) as error:
                log.info("watch of %s: %s; listing again", self.kind.plural, error)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY_SECONDS)

    def _list(self) -> str:
        listing = self.client.list(self.kind, self.namespace, self.selector)
        present = {key_of(item): item for item in listing.items}
        gone = [document for key, document in self.objects.items() if key not in present]
        self.objects = present
        for document in (*gone, *present.values()):
            self.changed(document)
        self.complete.set()
        self.listed()
        return listing.version

    def _follow(self, version: str) -> str:
        for change in self.client.watch(self.kind, self.namespace, version, self.selector):
            version = change.document["metadata"]["resourceVersion"]
            if change.action == "BOOKMARK":
                continue
            if change.action == "DELETED":
                self.objects.pop(key_of(change.document), None)
            else:
                self.objects[key_of(change.document)] = change.document
            self.changed(change.document)
        return version


@dataclass
class Worker:
    """One thread that reconciles the keys of one queue, one after the other."""

    name: str
    queue: Queue
    reconcile: Callable[[Key], None]
    attempts: dict[Key, int] = field(default_factory=dict)

    def run(self) -> None:
        """Reconcile for ever; what fails is tried again, each time after a longer pause."""
        while True:
            self.step()

    def step(self) -> None:
        """Reconcile the next due key."""
        key = self.queue.take()
        try:
            self.reconcile(key)
        except (Retry, KubernetesError, KubernetesUnreachable) as error:
            self._again(key, str(error))
        except Exception as error:  # noqa: BLE001 - see below
            # A worker outlives any one object. The log names place and type only: a message might hold a secret.
            self._again(key, f"unexpected {type(error).__name__} at {place_of(error)}")
        else:
            self.attempts.pop(key, None)

    def _again(self, key: Key, reason: str) -> None:
        attempt = self.attempts.get(key, 0)
        self.attempts[key] = attempt + 1
        delay = min(FIRST_RETRY_SECONDS * 2**attempt, LONGEST_RETRY_SECONDS)
        log.warning("%s %s: %s; again in %.1f s", self.name, key, reason, delay)
        self.queue.add(key, delay)


def place_of(error: Exception) -> str:
    """Return the file and line where an error was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def key_of(document: Document) -> Key:
    """Return an object's key."""
    return Key(document["metadata"]["namespace"], document["metadata"]["name"])


def start(run: Callable[[], None], name: str) -> None:
    """Run `run` in a thread that does not keep the process alive."""
    threading.Thread(target=run, name=name, daemon=True).start()


def repeat(action: Callable[[], None], seconds: float) -> Callable[[], None]:
    """Return a function that does `action` every so many seconds, for ever."""

    def run() -> None:
        while True:
            time.sleep(seconds)
            action()

    return run
