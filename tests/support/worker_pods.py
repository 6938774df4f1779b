"""A site's workers to Kafka as their pods run them: the program, settings and identities are those that are deployed.

The lab's pods are simulated. What is another here: where the network leads, and who fills what cert-manager would fill.
"""

import base64
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from lab.child import Child
from lab.files import write
from lab.ports import HOST, free_ports
from model import Site
from tests.support.front import Front
from tests.support.shell import Shell

START_SECONDS = 60.0
STOP_SECONDS = 30.0
# Leads each of the cluster's addresses to where it is in the lab, and runs the program as its pod does.
_LAUNCH = """\
import json, runpy, socket, sys
led = json.loads(sys.argv[1])
connect = socket.create_connection
def leading(address, *arguments, **options):
    host, port = address[:2]
    return connect(tuple(led.get(f"{host}:{port}", address)), *arguments, **options)
socket.create_connection = leading
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Pod:
    """A worker that runs with a pod's own files."""

    name: str
    child: Child
    figures: str
    authority: Path

    def figure(self, series: str) -> float:
        """Return the sum of a series that the worker tells Prometheus; 0 where it is not there."""
        told = self._get("/metrics").data.decode()
        found = [line for line in told.splitlines() if line.split("{")[0].split(" ")[0] == series]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def is_ready(self) -> bool:
        """Say whether the pod's readiness probe would pass."""
        try:
            return self._get("/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _get(self, path: str) -> urllib3.BaseHTTPResponse:
        # Prometheus and the kubelet come by another name than the pod's.
        with urllib3.PoolManager(ca_certs=str(self.authority), assert_hostname=False) as pool:
            return pool.request("GET", f"{self.figures}{path}", retries=False, timeout=5.0)


@contextmanager
def running(front: Front, deployed: Shell, site: Site, name: str, root: Path) -> Iterator[Pod]:
    """Run the worker of a pod, `<StatefulSet>-<number>`, until the end; it is ready then."""
    pod = pod_of(front, deployed, site, name, root)
    with pod.child:
        yield pod


def pod_of(front: Front, deployed: Shell, site: Site, name: str, root: Path) -> Pod:
    """Return the worker of a pod, which is not started yet."""
    spec = deployed.get("statefulset", name.rpartition("-")[0], site.namespace)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    folder = root / name
    placed = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    for volume in spec["volumes"]:
        for path, content in _mounted(front, deployed, site, volume).items():
            write(folder / placed[volume["name"]].lstrip("/") / path, content)
    port = free_ports(("figures",))["figures"]
    command = [word.replace("$(POD_NAME)", name) for word in container["command"]]
    settings = _settings(folder, Path(command[-1]), port, deployed.environment["KAFKA_BOOTSTRAP"])
    document = json.loads(settings.read_text())
    led = {f"{document['mqtt']['host']}:{document['mqtt']['port']}": (HOST, front.ports["worker"])}
    assert command[:3] == ["python", "-m", "images.worker"], command

    def is_ready() -> bool:
        return pod.is_ready()

    child = Child(
        (sys.executable, "-c", _LAUNCH, json.dumps(led), command[2], settings),
        folder,
        is_ready,
        start_seconds=START_SECONDS,
        stop_seconds=STOP_SECONDS,
        environment={"PYTHONPATH": str(folder / container["workingDir"].lstrip("/")), "PYTHONSAFEPATH": "1"},
    )
    pod = Pod(name, child, f"https://{HOST}:{port}", front.trust)
    return pod


def _settings(folder: Path, mounted: Path, port: int, kafka: str) -> Path:
    """Write the pod's settings with the lab's places in them: mounted files, Kafka, and where its figures are."""
    file = folder / str(mounted).lstrip("/")
    document: dict[str, Any] = json.loads(file.read_text())
    document["kafka"]["bootstrap"] = kafka
    document["listen"] |= {"host": HOST, "port": port}
    top = f"/{mounted.parts[1]}/"

    def local(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: local(entry) for key, entry in value.items()}
        if isinstance(value, str) and value.startswith(top):
            return str(folder / value.lstrip("/"))
        return value

    return write(file, json.dumps(local(document), indent=2))


def _mounted(front: Front, deployed: Shell, site: Site, volume: Mapping[str, Any]) -> dict[str, str]:
    """Return a volume's files, text by path."""
    if "projected" in volume:
        found: dict[str, str] = {}
        for source in volume["projected"]["sources"]:
            found |= _picked(_secret(front, deployed, site, source["secret"]["name"]), source["secret"])
        return found
    if "configMap" in volume:
        data = deployed.get("configmap", volume["configMap"]["name"], site.namespace)["data"]
        return _picked(data, volume["configMap"])
    return _picked(_secret(front, deployed, site, volume["secret"]["secretName"]), volume["secret"])


def _picked(data: Mapping[str, str], source: Mapping[str, Any]) -> dict[str, str]:
    items = source.get("items")
    return dict(data) if items is None else {item["path"]: data[item["key"]] for item in items}


def _secret(front: Front, deployed: Shell, site: Site, name: str) -> dict[str, str]:
    """Return a Secret's content: as cert-manager would fill it from Vault's issuer, or what is there."""
    for certificate in deployed.all("certificate", site.namespace):
        spec = certificate["spec"]
        if spec["secretName"] == name:
            issuer = deployed.get("issuer", spec["issuerRef"]["name"], site.namespace)
            role = issuer["spec"]["vault"]["path"].rpartition("/")[2]
            made, _ = front.issued(role, spec["commonName"], "1h")
            return {"tls.crt": made.chain.read_text(), "tls.key": made.key.read_text()}
    data = deployed.get("secret", name, site.namespace)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
