"""Stand-ins for the servers that the operators talk to, which remember what they were asked."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, cast

from lab.operators.kafka import AccessRule, KafkaRefused, TopicState
from lab.operators.kubernetes import Document, Kind, KubernetesClient
from lab.operators.loop import Watch, key_of
from lab.operators.opa import OpaRefused


@dataclass
class FakeKubernetes:
    """Keeps objects by kind and name, and applies patches as far as the operators need."""

    objects: dict[tuple[str, str], Document] = field(default_factory=dict)
    statuses: list[Document] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    @property
    def client(self) -> KubernetesClient:
        return cast(KubernetesClient, self)

    def get(self, kind: Kind, _namespace: str, name: str) -> Document | None:
        return self.objects.get((kind.name, name))

    def apply(self, kind: Kind, document: Document, _manager: str, _subresource: str = "") -> Document:
        self.objects[(kind.name, document["metadata"]["name"])] = deepcopy(document)
        return document

    def merge(
        self, kind: Kind, _namespace: str, name: str, patch: Document, subresource: str = ""
    ) -> Document:
        found = self.objects.setdefault((kind.name, name), {"metadata": {"name": name}})
        if subresource == "status":
            self.statuses.append(patch["status"])
            found["status"] = {key: value for key, value in patch["status"].items() if value is not None}
        else:
            for part, fields in patch.items():
                found[part] = {**found.get(part, {}), **fields}
        return found

    def delete(self, kind: Kind, _namespace: str, name: str, _propagation: str = "Background") -> None:
        self.deleted.append(f"{kind.name}/{name}")

    @property
    def ready(self) -> dict[str, Any]:
        """The condition Ready that was written last."""
        return next(found for found in self.statuses[-1]["conditions"] if found["type"] == "Ready")


@dataclass
class FakeKafka:
    """A Kafka in memory that refuses what it is told to refuse."""

    topics: dict[str, TopicState] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    rules: dict[str, set[AccessRule]] = field(default_factory=dict)
    quotas: dict[str, dict[str, float]] = field(default_factory=dict)
    refusal: KafkaRefused | None = None

    def topic(self, name: str) -> TopicState | None:
        return self.topics.get(name)

    def create_topic(self, name: str, partitions: int, replicas: int, settings: Mapping[str, str]) -> None:
        if self.refusal:
            raise self.refusal
        self.topics[name] = TopicState("identifier", partitions, replicas, dict(settings))

    def delete_topic(self, name: str) -> None:
        self.topics.pop(name, None)

    def increase_partitions(self, name: str, partitions: int) -> None:
        state = self.topics[name]
        self.topics[name] = TopicState(state.identifier, partitions, state.replicas, state.settings)

    def change_settings(self, name: str, wanted: Mapping[str, str], unwanted: list[str]) -> None:
        if self.refusal:
            raise self.refusal
        state = self.topics[name]
        settings = {key: value for key, value in state.settings.items() if key not in unwanted} | dict(wanted)
        self.topics[name] = TopicState(state.identifier, state.partitions, state.replicas, settings)

    def scram_users(self) -> frozenset[str]:
        return frozenset(self.passwords)

    def set_password(self, user: str, password: str) -> None:
        self.passwords[user] = password

    def remove_password(self, user: str) -> None:
        self.passwords.pop(user, None)

    def access_rules(self, user: str) -> frozenset[AccessRule]:
        return frozenset(self.rules.get(user, set()))

    def users_with_access_rules(self) -> frozenset[str]:
        return frozenset(user for user, rules in self.rules.items() if rules)

    def add_access_rules(self, user: str, rules: Iterable[AccessRule]) -> None:
        self.rules.setdefault(user, set()).update(rules)

    def remove_access_rules(self, user: str, rules: Iterable[AccessRule]) -> None:
        self.rules.setdefault(user, set()).difference_update(rules)

    def set_quotas(self, user: str, quotas: Mapping[str, float | None]) -> None:
        self.quotas[user] = {name: value for name, value in quotas.items() if value is not None}


@dataclass
class FakeOpa:
    """An OPA that loads a policy only when every policy that it imports (`import data.x`) is there."""

    policies: dict[str, str] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def read(self, path: str) -> Any:
        if path == "policies":
            return [{"id": name, "raw": text} for name, text in self.policies.items()]
        return self.documents.get(path.removeprefix("data/"))

    def put_policy(self, name: str, rego: str) -> None:
        self.asked.append(name)
        packages = {line for text in self.policies.values() for line in text.splitlines()}
        for line in rego.splitlines():
            if (
                line.startswith("import data.")
                and f"package {line.removeprefix('import data.')}" not in packages
            ):
                raise OpaRefused(400, f"{name}: {line} is not there")
        self.policies[name] = rego

    def delete_policy(self, name: str) -> None:
        self.policies.pop(name)

    def put_data(self, path: str, document: Any) -> None:
        self.documents[path] = document

    def delete_data(self, path: str) -> None:
        self.documents.pop(path)


def watching(kind: Kind, kubernetes: FakeKubernetes, *documents: Document) -> Watch:
    """Return a watch that has seen these documents."""
    watch = Watch(kubernetes.client, kind, None, "", lambda _: None)
    watch.objects = {key_of(document): document for document in documents}
    watch.complete.set()
    return watch
