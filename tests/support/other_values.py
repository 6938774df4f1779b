"""Other values for a field of a Kubernetes object, as a hand might give them: the most natural first."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

# Another word of a fixed set, by what stands there; where several sets share a word, one of each.
_OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    "ALL": ("NET_ADMIN",),
    "Always": ("IfNotPresent", "Never"),
    "ClusterIP": ("NodePort",),
    "ClusterSecretStore": ("SecretStore",),
    "Create": ("Alter",),
    "Describe": ("Alter",),
    "DescribeConfigs": ("Alter",),
    "DoNotSchedule": ("ScheduleAnyway",),
    "ECDSA": ("RSA",),
    "Egress": ("Ingress",),
    "HTTPS": ("HTTP",),
    "IfNotPresent": ("Always",),
    "Ingress": ("Egress",),
    "Issuer": ("ClusterIssuer",),
    "LoadBalancer": ("ClusterIP",),
    "Local": ("Cluster",),
    "Memory": ("",),
    "OnRootMismatch": ("Always",),
    "Owner": ("Orphan",),
    "Read": ("Alter",),
    "ReadWriteOnce": ("ReadWriteMany",),
    "Recreate": ("RollingUpdate",),
    "Replace": ("Merge",),
    "RollingUpdate": ("Recreate",),
    "RuntimeDefault": ("Unconfined",),
    "ScheduleAnyway": ("DoNotSchedule",),
    "ServiceAccount": ("User",),
    "TCP": ("UDP",),
    "UDP": ("TCP",),
    "Write": ("Alter",),
    "allow": ("deny",),
    "client auth": ("server auth",),
    "digital signature": ("code signing",),
    "group": ("topic",),
    "https": ("http",),
    "key encipherment": ("code signing",),
    "literal": ("prefix",),
    "prefix": ("literal",),
    "restricted": ("privileged",),
    "running": ("paused",),
    "scram-sha-512": ("scram-sha-256", "tls"),
    "server auth": ("client auth",),
    "stopped": ("paused",),
    "topic": ("group",),
}
_DURATION = re.compile(r"(\d+)(h.*|m|s)")
_QUANTITY = re.compile(r"(\d+)([kMGT]i?|m)?")
_ADDRESSES = re.compile(r"[0-9.]+/\d+")


def other_values(value: Any) -> Iterator[Any]:
    """Yield other values of the same kind, the most natural first."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        yield value - 1
    elif isinstance(value, str):
        yield from _other_texts(value)


def _other_texts(text: str) -> Iterator[str]:
    yield from _OTHER_WORDS.get(text, ())
    if found := _DURATION.fullmatch(text) or _QUANTITY.fullmatch(text):
        yield f"{int(found[1]) + 1}{found[2] or ''}"
        yield f"{max(int(found[1]) - 1, 1)}{found[2] or ''}"
    if _ADDRESSES.fullmatch(text):
        yield "0.0.0.0/0"
    if text in ("true", "false"):
        yield "false" if text == "true" else "true"
    yield f"{text}-turned"
    yield "turned"
    yield "dHVybmVk"
