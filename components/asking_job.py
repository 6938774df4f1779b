"""Jobs that ask about the broker after each of its changes: one program of `probes/`, run until it knows."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from components.deadline import Deadline
from components.stateless import container_security, pod_security

PROBES = Path(__file__).parents[1] / "probes"
_USER = 10001
# What tells a program that something is missing or wrong; anything else is the pod's own trouble, and tried again.
_FAILED = [1, 2]


@dataclass(frozen=True)
class Asking:
    """What a Job runs: a program with its arguments, in a container of an image, with volumes mounted below a folder.

    `memory` is what it asks for and its bound, `deadline` its times; the first volume is the ConfigMap with
    the program.
    """

    container: str
    program: Path
    arguments: Sequence[str]
    image: str
    folder: str
    volumes: Mapping[str, Mapping[str, Any]]
    cpu: str
    memory: tuple[str, str]
    deadline: Deadline
    account: Mapping[str, str] = field(default_factory=dict)
    """`serviceAccountName`, for a program that asks Kubernetes."""

    def job(self, labels: Mapping[str, str]) -> dict[str, Any]:
        """Return the specification of the Job."""
        return {
            "activeDeadlineSeconds": self.deadline.job,
            "backoffLimit": 3,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": self.container,
                            "operator": "In",
                            "values": _FAILED,
                        },
                    }
                ]
            },
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    **self.account,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": pod_security(_USER),
                    "containers": [self._container()],
                    "volumes": [{"name": name, **volume} for name, volume in self.volumes.items()],
                },
            },
        }

    def _container(self) -> dict[str, Any]:
        return {
            "name": self.container,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", f"{self.folder}/program/{self.program.name}", *self.arguments],
            # What it said last is what a failed rollout shows.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {
                "requests": {"cpu": self.cpu, "memory": self.memory[0]},
                "limits": {"memory": self.memory[1]},
            },
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": name, "mountPath": f"{self.folder}/{name}", "readOnly": True}
                for name in self.volumes
            ],
        }


def digest(job: Mapping[str, Any], broker: str, program: Path) -> str:
    """Return what tells one Job from another: a change of the broker, too, since what was found before is over."""
    seen = json.dumps([job, broker, text(program)], sort_keys=True)
    return hashlib.sha256(seen.encode()).hexdigest()[:10]


@cache
def text(program: Path) -> str:
    """Return a program's text."""
    return program.read_text(encoding="utf-8")
