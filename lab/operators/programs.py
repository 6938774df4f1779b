"""Runs the programs of Jobs that ask Kubernetes alone, in the place of a kubelet: every other pod is simulated.

A pod with the label below runs the Job's own program with its own arguments and its service account's token, as a
process beside the operators; what it says, and how it ends, becomes the pod's. So a rollout fails here, too, when such
a program finds something wrong. Needs pods of one container that runs Python, with a ConfigMap and a projected token.
"""

import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.operators.kubernetes import CONFIG_MAP, NOT_FOUND, POD, Document, KubernetesClient, KubernetesError
from lab.operators.loop import Key, Watch, log

SELECTOR = "app.kubernetes.io/name=broker-configuration"
# Of what a program printed a kubelet keeps this for the pod's status.
MESSAGE_BYTES = 2048


@dataclass
class ProgramRunner:
    """Runs one program for each pod that it is asked for, and no pod's twice."""

    kubernetes: KubernetesClient
    watch: Watch
    running: dict[Key, "subprocess.Popen[str]"] = field(default_factory=dict)

    def reconcile(self, key: Key) -> None:
        """Start the program of the pod of this key once the pod runs, and end it when the pod goes."""
        pod = self.watch.objects.get(key)
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            if (process := self.running.get(key)) is not None:
                process.terminate()
            return
        if (pod.get("status") or {}).get("phase") == "Running" and key not in self.running:
            folder = tempfile.TemporaryDirectory(prefix="iot-broker-pod-")
            self.running[key] = self._start(pod, Path(folder.name))
            threading.Thread(target=self._finish, args=(key, pod, folder), daemon=True).start()

    def stop(self) -> None:
        """End every program."""
        for process in list(self.running.values()):
            process.terminate()

    def _start(self, pod: Document, folder: Path) -> "subprocess.Popen[str]":
        (container,) = pod["spec"]["containers"]
        paths = self._mount(pod, container, folder)
        _, *words = container["command"]
        arguments = [_replaced(word, paths) for word in words]
        server = urlsplit(self.kubernetes.address)
        environment = {
            "KUBERNETES_SERVICE_HOST": server.hostname or "",
            "KUBERNETES_SERVICE_PORT": str(server.port),
        }
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _mount(self, pod: Document, container: Document, folder: Path) -> dict[str, Path]:
        """Write the pod's volumes to files; return the folder of each mount path."""
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        paths = {}
        for mount in container["volumeMounts"]:
            place = paths[mount["mountPath"]] = folder / mount["name"]
            place.mkdir()
            for name, text in self._files(pod, volumes[mount["name"]]).items():
                (place / name).write_text(text, encoding="utf-8")
        return paths

    def _files(self, pod: Document, volume: Document) -> dict[str, str]:
        namespace = pod["metadata"]["namespace"]
        if "configMap" in volume:
            return self._config_map(namespace, volume["configMap"]["name"])
        found = {}
        for source in volume["projected"]["sources"]:
            if "serviceAccountToken" in source:
                found[source["serviceAccountToken"]["path"]] = self._token(pod, source["serviceAccountToken"])
            else:
                data = self._config_map(namespace, source["configMap"]["name"])
                found |= {item["path"]: data[item["key"]] for item in source["configMap"]["items"]}
        return found

    def _config_map(self, namespace: str, name: str) -> dict[str, str]:
        found = self.kubernetes.get(CONFIG_MAP, namespace, name)
        if found is None:
            raise KubernetesError(NOT_FOUND, "NotFound", f"there is no ConfigMap {namespace}/{name} to mount")
        data: dict[str, str] = found.get("data") or {}
        return data

    def _token(self, pod: Document, source: Document) -> str:
        metadata = pod["metadata"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        request = {"expirationSeconds": source["expirationSeconds"], "boundObjectRef": bound}
        return self.kubernetes.token(metadata["namespace"], pod["spec"]["serviceAccountName"], request)

    def _finish(self, key: Key, pod: Document, folder: "tempfile.TemporaryDirectory[str]") -> None:
        process = self.running[key]
        with folder:
            said, _ = process.communicate()
        status = ended(pod, process.returncode, said)
        try:
            self.kubernetes.merge(POD, key.namespace, key.name, {"status": status}, "status")
        except KubernetesError as error:
            log.info("pod %s went before its program ended: %s", key, error)
        self.running.pop(key, None)


def ended(pod: Document, code: int, said: str) -> dict[str, Any]:
    """Return the status of a pod whose program ended with a code, having said this."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    (container,) = pod["spec"]["containers"]
    end: dict[str, Any] = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": now}
    if code:
        end["message"] = said.encode()[-MESSAGE_BYTES:].decode(errors="ignore")
    state = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {"terminated": end},
    }
    return {"phase": "Failed" if code else "Succeeded", "containerStatuses": [state]}


def _replaced(word: str, paths: dict[str, Path]) -> str:
    for mounted, place in paths.items():
        word = word.replace(mounted, str(place))
    return word
