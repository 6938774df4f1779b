"""Stands in for kube-mgmt: ConfigMaps that carry its labels become policies and data of the lab's OPA.

The sites of a lab share one OPA, where each has its own at a real site. So a policy file is loaded once, by its
file name, with the text that was written last; and a data file is laid over OPA's data from its root, as OPA does
with a mounted file, down to its second level (`sites/<site>`).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lab.operators.kubernetes import CONFIG_MAP, NOT_FOUND, Document, KubernetesClient, KubernetesError
from lab.operators.loop import Key, Retry, Watch, key_of
from lab.operators.opa import OpaRefused

POLICY_LABEL = "openpolicyagent.org/policy"
POLICY_SELECTOR = f"{POLICY_LABEL}=rego"
DATA_LABEL = "openpolicyagent.org/data"
DATA_SELECTOR = f"{DATA_LABEL}=opa"
STATUS_ANNOTATION = "openpolicyagent.org/kube-mgmt-status"
MANAGER = "kube-mgmt"
PREFIX = "kube-mgmt/"
# Where the loader notes in OPA what it has loaded: an OPA that was started anew has no such note.
NOTE = "lab/policy_loader"
EVERYTHING = Key("", "bundle")


class PolicyServer(Protocol):
    """What the loader asks of OPA; `lab.operators.opa.OpaClient` is the real one."""

    def read(self, path: str) -> Any:
        """Return a result below `/v1/`, or None."""

    def put_policy(self, name: str, rego: str) -> None:
        """Load a policy."""

    def delete_policy(self, name: str) -> None:
        """Unload a policy."""

    def put_data(self, path: str, document: Any) -> None:
        """Put a document."""

    def delete_data(self, path: str) -> None:
        """Remove a document."""


@dataclass(frozen=True)
class Bundle:
    """All that OPA is to have: policies by their file name, documents by their path, and who brought each."""

    policies: Mapping[str, str]
    documents: Mapping[str, Any]
    sources: Mapping[str, frozenset[Key]]
    unreadable: Mapping[Key, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Return a hash of all policies and documents."""
        text = json.dumps([self.policies, self.documents], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class PolicyLoader:
    """Keeps OPA's policies and data as the ConfigMaps say."""

    kubernetes: KubernetesClient
    opa: PolicyServer
    policies: Watch
    data: Watch

    def reconcile(self, _key: Key) -> None:
        """Load what is new or different, unload what no ConfigMap brings any more, and note each one's outcome."""
        if not (self.policies.complete.is_set() and self.data.complete.is_set()):
            raise Retry("not every ConfigMap has been listed yet")
        sources = [*list(self.policies.objects.values()), *list(self.data.objects.values())]
        bundle = read_bundle(self.policies.objects.values(), self.data.objects.values())
        note = self.opa.read(f"data/{NOTE}") or {}
        errors: dict[str, str] = {}
        if note.get("digest") != bundle.digest:
            errors = self._load(bundle, note)
        self._annotate(sources, bundle, errors)
        if errors:
            raise Retry(f"OPA refuses {', '.join(sorted(errors))}")

    def _load(self, bundle: Bundle, note: Mapping[str, Any]) -> dict[str, str]:
        for path, document in bundle.documents.items():
            self.opa.put_data(path, document)
        loaded = {
            policy["id"].removeprefix(PREFIX): policy["raw"]
            for policy in self.opa.read("policies") or []
            if policy["id"].startswith(PREFIX)
        }
        errors = each(
            [name for name, text in bundle.policies.items() if loaded.get(name) != text],
            lambda name: self.opa.put_policy(PREFIX + name, bundle.policies[name]),
        )
        errors |= each(
            [name for name in loaded if name not in bundle.policies],
            lambda name: self.opa.delete_policy(PREFIX + name),
        )
        for path in set(note.get("documents", [])) - set(bundle.documents):
            self.opa.delete_data(path)
        digest = "" if errors else bundle.digest
        self.opa.put_data(NOTE, {"digest": digest, "documents": sorted(bundle.documents)})
        return errors

    def _annotate(self, sources: Iterable[Document], bundle: Bundle, errors: Mapping[str, str]) -> None:
        for document in sources:
            key = key_of(document)
            found = [error for name, error in errors.items() if key in bundle.sources[name]]
            if key in bundle.unreadable:
                found.append(bundle.unreadable[key])
            text = outcome(found)
            before = (document["metadata"].get("annotations") or {}).get(STATUS_ANNOTATION)
            if text != before:
                self._note(key, text)

    def _note(self, key: Key, text: str) -> None:
        metadata = {"name": key.name, "namespace": key.namespace, "annotations": {STATUS_ANNOTATION: text}}
        patch = {"metadata": {"annotations": metadata["annotations"]}}
        try:
            self.kubernetes.merge(CONFIG_MAP, key.namespace, key.name, patch)
        except KubernetesError as error:
            if error.status != NOT_FOUND:
                raise


def read_bundle(policies: Iterable[Document], data: Iterable[Document]) -> Bundle:
    """Read the ConfigMaps; of a file that several bring, the text that was written last counts."""
    texts: dict[str, str] = {}
    documents: dict[str, Any] = {}
    sources: dict[str, set[Key]] = {}
    unreadable: dict[Key, str] = {}
    for document in sorted(policies, key=_age):
        for name, text in (document.get("data") or {}).items():
            texts[name] = text
            sources.setdefault(name, set()).add(key_of(document))
    for document in sorted(data, key=_age):
        for name, text in (document.get("data") or {}).items():
            try:
                documents |= _second_level(json.loads(text))
            except (ValueError, AttributeError):
                unreadable[key_of(document)] = f"{name} is not a JSON document of two levels"
    return Bundle(texts, documents, {name: frozenset(keys) for name, keys in sources.items()}, unreadable)


def each(names: Iterable[str], action: Callable[[str], None]) -> dict[str, str]:
    """Do the action for each name, again for those refused as long as some succeed; return what stays refused.

    OPA compiles all policies together at each change, so a policy loads only after those that it imports.
    """
    waiting = list(names)
    while True:
        refused: dict[str, str] = {}
        for name in waiting:
            try:
                action(name)
            except OpaRefused as error:
                refused[name] = error.message
        if not refused or len(refused) == len(waiting):
            return refused
        waiting = list(refused)


def outcome(errors: list[str]) -> str:
    """Return a ConfigMap's status annotation, in kube-mgmt's words."""
    status: dict[str, str] = {"status": "error", "error": "; ".join(errors)} if errors else {"status": "ok"}
    return json.dumps(status)


def _second_level(document: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{top}/{name}": value for top, below in document.items() for name, value in below.items()}


def _age(document: Document) -> int:
    # One API server's resource versions are ordered numbers; this is the lab's own server.
    return int(document["metadata"]["resourceVersion"])
