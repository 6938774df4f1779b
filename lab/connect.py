"""A Kafka Connect worker of a test's own, set up as Strimzi sets up a pod of a KafkaConnect.

Everything is as the resource says, but for what a loopback machine has otherwise: where Kafka is, where a pod's `/` is,
the worker's own port, and the folder of plugins.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from lab.child import Child
from lab.files import write
from lab.ports import HOST
from lab.servers.java import virtual_machine

START_SECONDS = 90.0
CLIENTS = ("", "producer.", "consumer.", "admin.")
# Where Strimzi mounts the Secrets that a KafkaConnect itself names.
_OWN = "/opt/kafka"
_DIRECTORY = "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    # Every start tells each unknown setting of each client.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients=error",
)
Secrets = Mapping[str, Mapping[str, str]]
"""Secrets by name, each with its keys."""


@dataclass(frozen=True)
class Place:
    """What a worker on a loopback machine has in place of what a pod has."""

    kafka: str
    """Kafka's addresses."""
    root: Path
    """The folder that stands for a pod's `/`."""
    port: int
    """The port of the worker's REST API."""
    metrics: int
    """The port at which it tells its figures."""
    tool: Path
    """The tool `connect`."""
    hosts: Mapping[str, str]
    """Addresses of the hosts that connectors name."""

    def inside(self, path: str) -> Path:
        """Return where a path of a pod is."""
        return self.root / path.lstrip("/")


def worker(resource: Mapping[str, Any], secrets: Secrets, place: Place, jdk: Path) -> Child:
    """Return a worker of a KafkaConnect, not started; what it mounts is there."""
    for path, secret in mounts(resource):
        for key, value in secrets[secret].items():
            write(place.inside(path) / key, value)
    settings = worker_settings(resource["spec"], place)
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    file = write(place.root / "worker.properties", lines)
    hosts = "".join(f"{address} {name}\n" for name, address in place.hosts.items())
    command = (
        *virtual_machine(jdk, "256m"),
        *_LOGGING,
        *(
            f"-D{entry['name']}={entry['value']}"
            for entry in resource["spec"]["jvmOptions"]["javaSystemProperties"]
        ),
        f"-Djdk.net.hosts.file={write(place.root / 'hosts', hosts)}",
        *(
            "-cp",
            str(place.tool / "libs" / "*"),
            "org.apache.kafka.connect.cli.ConnectDistributed",
            str(file),
        ),
    )
    return Child(
        command,
        place.root,
        Connect(place.port).is_ready,
        start_seconds=START_SECONDS,
        # A machine anywhere: what depends on its zone would show.
        environment={"TZ": "America/Chicago"},
    )


def mounts(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return where a worker's pod has which Secret: Strimzi's own mounts, and those of the template."""
    spec, template = resource["spec"], resource["spec"]["template"]
    for certificate in spec["tls"]["trustedCertificates"]:
        yield f"{_OWN}/connect-certs/{certificate['secretName']}", certificate["secretName"]
    password = spec["authentication"]["passwordSecret"]["secretName"]
    yield f"{_OWN}/connect-password/{password}", password
    volumes = {entry["name"]: entry["secret"]["secretName"] for entry in template["pod"]["volumes"]}
    for mount in template["connectContainer"]["volumeMounts"]:
        yield mount["mountPath"], volumes[mount["name"]]


def worker_settings(spec: Mapping[str, Any], place: Place) -> dict[str, str]:
    """Return the settings of a worker, as Strimzi 1.x makes them of a KafkaConnect's spec.

    Strimzi reads certificates by the Kubernetes API, this worker from a folder: the certificate is the same.
    """
    login = spec["authentication"]
    secret = login["passwordSecret"]
    password = (
        f"${{strimzidir:{place.inside(_OWN)}/connect-password/{secret['secretName']}:{secret['password']}}}"
    )
    trusted = [
        f"${{strimzidir:{place.inside(_OWN)}/connect-certs/{entry['secretName']}:{entry['certificate']}}}"
        for entry in spec["tls"]["trustedCertificates"]
    ]
    client = {
        "security.protocol": "SASL_SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "\\n".join(trusted),
        "sasl.mechanism": login["type"].upper(),
        "sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            f"username={login['username']} password={password};"
        ),
    }
    converter = "org.apache.kafka.connect.json.JsonConverter"
    return {
        "bootstrap.servers": place.kafka,
        "group.id": spec["groupId"],
        "config.storage.topic": spec["configStorageTopic"],
        "offset.storage.topic": spec["offsetStorageTopic"],
        "status.storage.topic": spec["statusStorageTopic"],
        "key.converter": converter,
        "value.converter": converter,
        **{prefix + name: value for prefix in CLIENTS for name, value in client.items()},
        **{prefix + name: value for prefix in CLIENTS for name, value in _reporter(spec, place).items()},
        **as_strings(spec["config"], place),
        "config.providers": f"{spec['config']['config.providers']},strimzidir",
        "config.providers.strimzidir.class": _DIRECTORY,
        "config.providers.strimzidir.param.allowed.paths": str(place.inside(_OWN)),
        "plugin.path": str(place.tool / "plugins"),
        "listeners": f"http://{HOST}:{place.port}",
        "rest.advertised.host.name": HOST,
        "rest.advertised.port": str(place.port),
    }


def _reporter(spec: Mapping[str, Any], place: Place) -> dict[str, str]:
    reporter = "prometheus.metrics.reporter"
    return {
        "metric.reporters": "io.strimzi.kafka.metrics.prometheus.ClientMetricsReporter",
        f"{reporter}.listener.enable": "true",
        f"{reporter}.listener": f"http://{HOST}:{place.metrics}",
        f"{reporter}.allowlist": ",".join(spec["metricsConfig"]["values"]["allowList"]),
    }


def as_strings(configuration: Mapping[str, Any], place: Place) -> dict[str, str]:
    """Return a configuration as Kafka Connect takes it, with the folders of sinks where they are on this machine."""
    return {
        key: str(value).replace("/mnt/", f"{place.inside('/mnt')}/") for key, value in configuration.items()
    }


class ConnectRefusedError(Exception):
    """A worker refused a request; the message is its own."""


class Connect:
    """The REST API of a worker, as Strimzi's operator uses it."""

    def __init__(self, port: int) -> None:
        self._address = f"http://{HOST}:{port}"
        self._pool = urllib3.PoolManager(retries=False, timeout=30)

    def is_ready(self) -> bool:
        """Say whether the worker is in its group and has read its settings."""
        try:
            return self._pool.request("GET", f"{self._address}/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def create(self, name: str, configuration: Mapping[str, str], state: str) -> None:
        """Make a connector in a state: `running` or `stopped`."""
        body = {"name": name, "config": configuration, "initial_state": state.upper()}
        self._ask("POST", "/connectors", body)

    def configure(self, name: str, configuration: Mapping[str, str]) -> None:
        """Give a connector another configuration."""
        self._ask("PUT", f"/connectors/{name}/config", configuration)

    def resume(self, name: str) -> None:
        """Have a stopped connector run."""
        self._ask("PUT", f"/connectors/{name}/resume")

    def stop(self, name: str) -> None:
        """Have a connector stop: its tasks are gone, its settings stay."""
        self._ask("PUT", f"/connectors/{name}/stop")

    def everything(self) -> str:
        """Return all that the API tells anybody who asks: configurations, tasks, states and traces."""
        return json.dumps(self._ask("GET", "/connectors?expand=status&expand=info"))

    def states(self, name: str) -> tuple[str, ...]:
        """Return the states of a connector and of its tasks; a new one's come a moment later than itself."""
        known: dict[str, Any] = self._ask("GET", "/connectors?expand=status")
        status = known.get(name, {}).get("status", {"connector": {"state": "UNASSIGNED"}, "tasks": []})
        return status["connector"]["state"], *(task["state"] for task in status["tasks"])

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(method, self._address + path, body=data, headers=headers)
        if not 200 <= answer.status < 300:
            raise ConnectRefusedError(
                f"{method} {path}: {answer.status} {answer.data.decode(errors='replace')}"
            )
        return json.loads(answer.data or b"null")
