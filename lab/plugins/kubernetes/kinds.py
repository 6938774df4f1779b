"""Which kinds the stand-in covers, and which of their fields cannot be changed in place."""

from __future__ import annotations

import re
from dataclasses import dataclass

CLUSTER_SCOPED = frozenset({"Namespace", "ClusterRoleBinding", "CustomResourceDefinition"})

BUILT_IN: dict[str, frozenset[str]] = {
    "v1": frozenset({"Namespace", "ConfigMap", "Secret", "Service", "ServiceAccount"}),
    "apps/v1": frozenset({"Deployment", "StatefulSet"}),
    "batch/v1": frozenset({"Job"}),
    "networking.k8s.io/v1": frozenset({"NetworkPolicy"}),
    "policy/v1": frozenset({"PodDisruptionBudget"}),
    "autoscaling/v2": frozenset({"HorizontalPodAutoscaler"}),
    "rbac.authorization.k8s.io/v1": frozenset({"Role", "RoleBinding", "ClusterRoleBinding"}),
    "apiextensions.k8s.io/v1": frozenset({"CustomResourceDefinition"}),
}
"""The API server's own kinds that the kit uses, by apiVersion."""

NOT_SERVED = frozenset({"helm.sh", "yaml", "kustomize"})
"""Groups of the official plugin that are no groups of an API server."""

FIXED_FIELDS: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("v1", "ConfigMap"): (("binaryData",), ("data",)),
    ("v1", "Secret"): (("type",), ("stringData",), ("data",)),
    ("v1", "Service"): (("spec", "clusterIP"),),
    ("apps/v1", "Deployment"): (("spec", "selector"),),
    ("apps/v1", "StatefulSet"): (
        ("spec", "podManagementPolicy"),
        ("spec", "revisionHistoryLimit"),
        ("spec", "selector"),
        ("spec", "serviceName"),
        ("spec", "volumeClaimTemplates"),
    ),
    ("batch/v1", "Job"): (("spec", "selector"), ("spec", "template")),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): (("roleRef",),),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): (("roleRef",),),
}
"""Fields whose change replaces the object (official plugin, provider/diff.go), besides its name and namespace."""

FIXED_METADATA = (("metadata", "name"), ("metadata", "namespace"))

_TOKEN = re.compile(r"kubernetes:(?:(?P<group>[^/:]+)/)?(?P<version>[^/:]+):(?P<kind>\w+)")


@dataclass(frozen=True)
class ObjectKind:
    """An API server's kind."""

    api_version: str
    kind: str

    @property
    def built_in(self) -> bool:
        """Whether the API server has it without a CustomResourceDefinition."""
        return self.api_version in BUILT_IN

    @property
    def namespaced(self) -> bool | None:
        """Whether its objects live in a namespace; None when only the API server knows."""
        return self.kind not in CLUSTER_SCOPED if self.built_in else None

    @property
    def path(self) -> str:
        """The URL path of its group and version."""
        return f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"

    def fixed_fields(self, *, mutable: frozenset[str]) -> tuple[tuple[str, ...], ...]:
        """Paths whose change replaces the object; `mutable` names kinds whose data may change in place."""
        fields = FIXED_FIELDS.get((self.api_version, self.kind), ())
        if self.kind in mutable:
            fields = tuple(path for path in fields if path == ("type",))
        return FIXED_METADATA + fields

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


def covered_kind(type_token: str) -> ObjectKind | None:
    """The kind that a type token names, if the stand-in covers it."""
    match = _TOKEN.fullmatch(type_token)
    if match is None:
        return None
    group, version, kind = match["group"], match["version"], match["kind"]
    api_version = version if group in (None, "core") else f"{group}/{version}"
    if api_version in BUILT_IN:
        return ObjectKind(api_version, kind) if kind in BUILT_IN[api_version] else None
    custom = group is not None and "." in group and not group.endswith(".k8s.io") and group not in NOT_SERVED
    return ObjectKind(api_version, kind) if custom and not kind.endswith("Patch") else None
