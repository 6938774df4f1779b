"""A real OPA, started as the site starts it."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from components.opa_policies import (
    POLICY_FOLDER,
    authorization_file,
    policy_files,
    server_arguments,
    site_data,
)
from components.recording import Composition
from lab.certificates import Authority
from lab.ports import Ports
from lab.waiting import wait_until
from tests.support.tools import tool

READY_SECONDS = 20.0


@pytest.fixture
def server(eagle_ford: Composition, tmp_path: Path) -> Iterator["PolicyServer"]:
    """A real OPA, started as the Deployment starts it, on files as Kubernetes lays them out."""
    folder = _volume(
        tmp_path, {**policy_files(), **authorization_file(), "site.json": site_data(eagle_ford.site)}
    )
    authority = Authority(tmp_path / "tls", "test")
    authority.ensure()
    ports = Ports(tmp_path)
    ports.assign(["opa"])
    pair, port = authority.server("opa"), ports["opa"]
    replaced = {
        "--addr=0.0.0.0:8181": f"--addr=127.0.0.1:{port}",
        "--tls-cert-file=/tls/tls.crt": f"--tls-cert-file={pair.certificate}",
        "--tls-private-key-file=/tls/tls.key": f"--tls-private-key-file={pair.key}",
        POLICY_FOLDER: str(folder),
    }
    arguments = [replaced.get(argument, argument) for argument in server_arguments()]
    process = subprocess.Popen([tool("opa") / "opa", *arguments], stderr=subprocess.PIPE, text=True)
    try:
        started = PolicyServer(f"https://127.0.0.1:{port}", authority.certificate)
        wait_until(lambda: started.is_healthy(process), READY_SECONDS, "the policy server")
        yield started
    finally:
        process.terminate()
        process.communicate()


class PolicyServer:
    def __init__(self, address: str, authority: Path) -> None:
        self.address = address
        self.pool = urllib3.PoolManager(
            ssl_context=ssl.create_default_context(cafile=str(authority)), retries=False
        )

    def ask(self, method: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
        return self.pool.request(method, self.address + path, json=body)

    def is_healthy(self, process: subprocess.Popen[str]) -> bool:
        assert process.poll() is None, process.communicate()[1]
        try:
            return self.ask("GET", "/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False


def test_a_running_server_answers_the_broker_and_nobody_else(server: PolicyServer) -> None:
    name = "pump-1.devices.eagle-ford.field.example"
    question = {
        "site": "eagle-ford",
        "username": name,
        "clientid": name,
        "cert_common_name": name,
        "action": "publish",
        "topic": f"eagle-ford/{name}/temperature",
    }
    assert server.ask("POST", "/v0/data/iot/mqtt/decision", question).json() == {"result": "allow"}
    assert server.ask("POST", "/v0/data/iot/mqtt/decision", {}).json() == {"result": "deny"}
    assert server.ask("GET", "/v1/data").status == 401
    assert server.ask("PUT", "/v1/policies/x", "package x").status == 401
    decisions = 'http_request_duration_seconds_count{code="200",handler="authz",method="post"} 2'
    assert decisions in server.ask("GET", "/metrics").data.decode()


def _volume(folder: Path, files: dict[str, str]) -> Path:
    """Lay files out as a projected volume: links to a hidden folder that another hidden link names."""
    volume, version = folder / "volume", folder / "volume" / "..2026_11_23"
    version.mkdir(parents=True)
    (volume / "..data").symlink_to(version.name)
    for name, text in files.items():
        (version / name).write_text(text, encoding="utf-8")
        (volume / name).symlink_to(f"..data/{name}")
    return volume
