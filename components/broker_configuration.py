"""After each change of the broker a Job sees whether it took its configuration, or says what the operator says."""

from typing import Any

import pulumi

from components import names
from components.asking_job import PROBES, Asking, digest, text
from components.component import Place, SiteComponent
from components.deadline import Deadline
from components.emqx_cluster import EmqxCluster
from components.manifest import Manifest

PROGRAM = PROBES / "configuration.py"
_TOKEN_SECONDS = 3600
_FOLDER = "/configuration"


class BrokerConfiguration(SiteComponent):
    """A Job that waits until `broker` has taken what its resource says.

    The operator's condition Ready stays true while the broker refuses a configuration, and Pulumi waits for conditions
    alone. So this Job reads the EMQX resource and the operator's events, and fails the rollout in their words.
    """

    DOMAIN = "broker"
    SOFTWARE = "broker-configuration"
    PART = "configuration"

    def __init__(
        self, name: str, place: Place, broker: EmqxCluster, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, place, opts)
        site = place.site
        program = Manifest(
            f"{site.name}-{names.BROKER_CONFIGURATION}",
            api_version="v1",
            kind="ConfigMap",
            metadata=self.metadata(names.BROKER_CONFIGURATION),
            data={PROGRAM.name: text(PROGRAM)},
            opts=self.in_kubernetes(),
        )
        asking = self._asking(broker.mark)
        job = asking.job(self.labels)
        self.job = Manifest(
            f"{site.name}-{names.BROKER_CONFIGURATION}",
            api_version="batch/v1",
            kind="Job",
            metadata=self.metadata(f"{names.BROKER_CONFIGURATION}-{digest(job, broker.digest, PROGRAM)}"),
            spec=job,
            opts=self.in_kubernetes(
                within=asking.deadline.within,
                delete_before_replace=True,
                depends_on=[broker.cluster, program, *self._rights()],
            ),
        )
        self.register_outputs({})

    def _rights(self) -> list[Manifest]:
        """Make the account that may read this one EMQX resource and the namespace's events, and nothing else."""
        name = names.BROKER_CONFIGURATION
        account = Manifest(
            f"{self.site.name}-{name}",
            api_version="v1",
            kind="ServiceAccount",
            metadata=self.metadata(name),
            automountServiceAccountToken=False,
            opts=self.in_kubernetes(),
        )
        role = Manifest(
            f"{self.site.name}-{name}",
            api_version="rbac.authorization.k8s.io/v1",
            kind="Role",
            metadata=self.metadata(name),
            rules=[
                {
                    "apiGroups": ["apps.emqx.io"],
                    "resources": ["emqxes"],
                    "resourceNames": [names.BROKER],
                    "verbs": ["get"],
                },
                {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
            ],
            opts=self.in_kubernetes(),
        )
        binding = Manifest(
            f"{self.site.name}-{name}",
            api_version="rbac.authorization.k8s.io/v1",
            kind="RoleBinding",
            metadata=self.metadata(name),
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": name, "namespace": self.site.namespace}],
            # The API server reads the role to see whether the deployer may bind it, so the role comes first.
            opts=self.in_kubernetes(depends_on=[account, role]),
        )
        return [account, role, binding]

    @property
    def _deadline(self) -> Deadline:
        return Deadline(self.site.broker.ready_within)

    def _asking(self, mark: str) -> Asking:
        return Asking(
            container="look",
            program=PROGRAM,
            arguments=self._arguments(mark),
            image=self.site.broker.probe.image.reference(),
            folder=_FOLDER,
            volumes={
                "program": {"configMap": {"name": names.BROKER_CONFIGURATION}},
                "account": {"projected": {"defaultMode": 0o440, "sources": _account()}},
            },
            cpu="10m",
            memory=("32Mi", "64Mi"),
            deadline=self._deadline,
            account={"serviceAccountName": names.BROKER_CONFIGURATION},
        )

    def _arguments(self, mark: str) -> list[str]:
        site = self.site
        return [
            f"--api-version={site.broker.operator_api}",
            f"--namespace={site.namespace}",
            f"--name={names.BROKER}",
            f"--mark={mark}",
            f"--cores={site.broker.replicas}",
            f"--replicants={site.broker.replicant_nodes}",
            f"--account={_FOLDER}/account",
            f"--within={self._deadline.program}",
        ]


def _account() -> list[dict[str, Any]]:
    """Return what Kubernetes gives every pod that talks to its API: here it is this pod's alone, and lives an hour."""
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
