"""Translates a KafkaUser's `authorization` into Kafka's own access rules, as Strimzi's user operator does."""

from collections.abc import Iterator
from typing import Any

from lab.operators.kafka import AccessRule
from lab.operators.strimzi import Refusal

# Strimzi's resource type -> Kafka's; the client library calls the cluster resource BROKER, by the number they share.
RESOURCES = {
    "topic": "TOPIC",
    "group": "GROUP",
    "cluster": "BROKER",
    "transactionalId": "TRANSACTIONAL_ID",
}
CLUSTER_NAME = "kafka-cluster"
OPERATIONS = {
    "Read": "READ",
    "Write": "WRITE",
    "Create": "CREATE",
    "Delete": "DELETE",
    "Alter": "ALTER",
    "Describe": "DESCRIBE",
    "ClusterAction": "CLUSTER_ACTION",
    "AlterConfigs": "ALTER_CONFIGS",
    "DescribeConfigs": "DESCRIBE_CONFIGS",
    "IdempotentWrite": "IDEMPOTENT_WRITE",
    "All": "ALL",
}


def access_rules(authorization: dict[str, Any]) -> frozenset[AccessRule]:
    """Return the rules that a KafkaUser's `authorization` (type `simple`) asks for; raises Refusal."""
    return frozenset(rule for acl in authorization.get("acls") or [] for rule in _rules(acl))


def _rules(acl: dict[str, Any]) -> Iterator[AccessRule]:
    resource = acl["resource"]
    kind = resource["type"]
    if kind not in RESOURCES:
        raise Refusal("InvalidResourceException", f"Unknown resource type {kind}")
    name = CLUSTER_NAME if kind == "cluster" else resource.get("name")
    if not name:
        raise Refusal("InvalidResourceException", f"Resource of type {kind} needs a name")
    for operation in acl.get("operations") or []:
        if operation not in OPERATIONS:
            raise Refusal("InvalidResourceException", f"Unknown operation {operation}")
        yield AccessRule(
            resource=RESOURCES[kind],
            name=name,
            pattern="PREFIXED" if resource.get("patternType") == "prefix" else "LITERAL",
            host=acl.get("host") or "*",
            operation=OPERATIONS[operation],
            permission=(acl.get("type") or "allow").upper(),
        )
