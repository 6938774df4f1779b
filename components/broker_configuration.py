"""After each change of the broker a Job sees whether it took its configuration, or says what the operator says."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pulumi

from components import names
from components.component import Place, SiteComponent
from components.emqx_cluster import EmqxCluster
from components.manifest import Manifest
from components.stateless import container_security, pod_security
from model.units import Duration

PROGRAM = Path(__file__).parents[1] / "probes" / "configuration.py"
_USER = 10001
# The image is fetched, and the pod's token is made, before the program itself begins.
_START_SECONDS = 120
_TOKEN_SECONDS = 3600
_FOLDER = "/configuration"
# What tells the program that something is missing or wrong; anything else is the pod's own trouble, and tried again.
_FAILED = [1, 2]


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
            data={PROGRAM.name: _program()},
            opts=self.in_kubernetes(),
        )
        job = self._job(broker.mark)
        # A change of the broker is a new Job: what was found before says nothing of it now.
        seen = json.dumps([job, broker.digest, _program()], sort_keys=True)
        digest = hashlib.sha256(seen.encode()).hexdigest()[:10]
        self.job = Manifest(
            f"{site.name}-{names.BROKER_CONFIGURATION}",
            api_version="batch/v1",
            kind="Job",
            metadata=self.metadata(f"{names.BROKER_CONFIGURATION}-{digest}"),
            spec=job,
            opts=self.in_kubernetes(
                within=Duration(self._deadline() + _START_SECONDS),
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
            opts=self.in_kubernetes(),
        )
        return [account, role, binding]

    def _deadline(self) -> int:
        return self.site.broker.ready_within.seconds + _START_SECONDS

    def _job(self, mark: str) -> dict[str, Any]:
        container = {
            "name": "look",
            "image": self.site.broker.probe.image.reference(),
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", f"{_FOLDER}/program/{PROGRAM.name}", *self._arguments(mark)],
            # What it said last is what a failed rollout shows.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": name, "mountPath": f"{_FOLDER}/{name}", "readOnly": True}
                for name in ("program", "account")
            ],
        }
        return {
            "activeDeadlineSeconds": self._deadline(),
            "backoffLimit": 3,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {"containerName": "look", "operator": "In", "values": _FAILED},
                    }
                ]
            },
            "template": {
                "metadata": {"labels": self.pod_labels},
                "spec": {
                    "restartPolicy": "Never",
                    "serviceAccountName": names.BROKER_CONFIGURATION,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": pod_security(_USER),
                    "containers": [container],
                    "volumes": [
                        {"name": "program", "configMap": {"name": names.BROKER_CONFIGURATION}},
                        {"name": "account", "projected": {"defaultMode": 0o440, "sources": _account()}},
                    ],
                },
            },
        }

    def _arguments(self, mark: str) -> list[str]:
        site = self.site
        return [
            f"--api-version={site.broker.operator_api}",
            f"--namespace={site.namespace}",
            f"--name={names.BROKER}",
            f"--mark={mark}",
            f"--account={_FOLDER}/account",
            f"--within={site.broker.ready_within.seconds}",
        ]


def _account() -> list[dict[str, Any]]:
    """Return what Kubernetes gives every pod that talks to its API: here it is this pod's alone, and lives an hour."""
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]


@cache
def _program() -> str:
    return PROGRAM.read_text(encoding="utf-8")
