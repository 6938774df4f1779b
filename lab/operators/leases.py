"""Renews the leases of the operators that the lab stands in for, as each of them does while it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lab.operators.kubernetes import Kind, KubernetesClient, KubernetesError, KubernetesUnreachable
from lab.operators.loop import log

LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease")
MANAGER = "iot-broker-lab"
DURATION_SECONDS = 10
RENEW_SECONDS = 2.0
HELD = (
    ("emqx-operator-system", "19fd6fcc.emqx.io"),
    ("kafka", "strimzi-cluster-operator"),
    ("external-secrets", "external-secrets-controller"),
)
"""Namespace and name of each: the publishers' own. Where an operator is installed is the platform's choice."""


@dataclass(frozen=True)
class Leases:
    """The leases of one lab."""

    kubernetes: KubernetesClient
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def renew(self) -> None:
        """Say of each operator that it runs; what fails is said again soon."""
        moment = self.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": "lab", "leaseDurationSeconds": DURATION_SECONDS, "renewTime": moment}
        try:
            for namespace, name in HELD:
                lease = {"metadata": {"namespace": namespace, "name": name}, "spec": spec}
                self.kubernetes.apply(LEASE, lease, MANAGER)
        except (KubernetesError, KubernetesUnreachable) as error:
            log.info("leases: %s", error)
