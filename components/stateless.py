"""What the site's stateless servers have in common: pods without any privilege, spread out, and one away at a time."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from components.component import SiteComponent
from components.manifest import Manifest
from model import Site


def pod_security(user: int) -> dict[str, Any]:
    """Return the security context of a pod that runs as `user`, which is not root."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """Return the security context of a container that needs no privilege and writes nothing."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def spread(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return how the pods with these labels are spread over the zones, where there are several."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
        }
    ]


def cores(amount: Decimal) -> str:
    """Return Kubernetes' own form of a number of cores (`2`, `1500m`), so that no preview shows a change."""
    return str(int(amount)) if amount == int(amount) else f"{int(amount * 1000)}m"


def priority(site: Site) -> dict[str, str]:
    """Return how a pod says its priority, where the site names a class."""
    named = site.platform.priority_class
    return {"priorityClassName": named} if named else {}


def disruption_budget(component: SiteComponent, name: str) -> Manifest:
    """Let maintenance take one of the component's pods away at a time."""
    return Manifest(
        f"{component.site.name}-{name}-disruption",
        api_version="policy/v1",
        kind="PodDisruptionBudget",
        metadata=component.metadata(name),
        spec={"maxUnavailable": 1, "selector": {"matchLabels": component.selector}},
        opts=component.in_kubernetes(),
    )
