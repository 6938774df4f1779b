"""Scales something stateless of the site by its use of cores.

The broker itself has none: the EMQX resource's `/scale` names no selector of pods, so an autoscaler on it cannot work.
"""

from components.component import SiteComponent
from components.manifest import Manifest
from model.scaling import Autoscaling

# After a peak the servers stay for a while: field traffic comes in bursts.
_CALM_SECONDS = 300


def autoscaler(
    component: SiteComponent,
    name: str,
    fewest: int,
    wanted: Autoscaling,
    target: tuple[str, str] = ("apps/v1", "Deployment"),
) -> Manifest:
    """Make the autoscaler of `name`, as a child of the component; `target` is its API version and kind."""
    api_version, kind = target
    return Manifest(
        f"{component.site.name}-{name}-scaling",
        api_version="autoscaling/v2",
        kind="HorizontalPodAutoscaler",
        metadata=component.metadata(name),
        spec={
            "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": name},
            "minReplicas": fewest,
            "maxReplicas": wanted.maximum,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": int(wanted.cpu.value)},
                    },
                }
            ],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": _CALM_SECONDS}},
        },
        opts=component.in_kubernetes(),
    )
