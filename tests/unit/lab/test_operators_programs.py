"""Programs of Jobs that ask Kubernetes alone are run for real: what they say, and how they end, is the pod's."""

import time
from typing import Any

import pytest

from lab.operators.kubernetes import POD, Document
from lab.operators.loop import Key
from lab.operators.programs import ProgramRunner
from lab.waiting import wait_until
from tests.unit.lab.operators_support import FakeKubernetes, watching

KEY = Key("iot-field", "look-1")
SECONDS = 20.0


class Kubernetes(FakeKubernetes):
    """An API server that gives tokens, and says where it is."""

    address = "https://127.0.0.1:6443"

    def token(self, namespace: str, account: str, request: Document) -> str:
        return f"token of {namespace}/{account} for {request['boundObjectRef']['name']}"


def pod(phase: str = "Running") -> Document:
    container = {
        "name": "look",
        "image": "iot-broker/probe",
        "command": ["python", "/job/program/look.py", "--account=/job/account"],
        "volumeMounts": [
            {"name": "program", "mountPath": "/job/program"},
            {"name": "account", "mountPath": "/job/account"},
        ],
    }
    sources: list[dict[str, Any]] = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
        {"configMap": {"name": "authority", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    volumes = [
        {"name": "program", "configMap": {"name": "program"}},
        {"name": "account", "projected": {"sources": sources}},
    ]
    spec = {"serviceAccountName": "reader", "containers": [container], "volumes": volumes}
    metadata = {"name": "look-1", "namespace": "iot-field", "uid": "p"}
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase}}


def bench(program: str, document: Document | None = None) -> tuple[Kubernetes, ProgramRunner]:
    kubernetes = Kubernetes()
    kubernetes.objects[("ConfigMap", "program")] = {"data": {"look.py": program}}
    kubernetes.objects[("ConfigMap", "authority")] = {"data": {"ca.crt": "an authority"}}
    return kubernetes, ProgramRunner(kubernetes.client, watching(POD, kubernetes, document or pod()))


def ended(kubernetes: Kubernetes) -> Document:
    wait_until(lambda: bool(kubernetes.statuses), SECONDS, "the program's end")
    return kubernetes.statuses[-1]


SAYS = (
    "import os, pathlib, sys\n"
    "account = pathlib.Path(sys.argv[1].partition('=')[2])\n"
    "print(*(file.read_text() for file in sorted(account.iterdir())), os.environ['KUBERNETES_SERVICE_PORT'])\n"
    "sys.exit({code})\n"
)


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (1, "Failed")])
def test_it_runs_with_its_arguments_its_files_and_its_accounts_token(code: int, phase: str) -> None:
    kubernetes, runner = bench(SAYS.format(code=code))
    runner.reconcile(KEY)
    status = ended(kubernetes)
    (container,) = status["containerStatuses"]
    end = container["state"]["terminated"]
    assert (status["phase"], end["exitCode"]) == (phase, code)
    said = end.get("message", "")
    assert said.strip() == ("an authority token of iot-field/reader for look-1 6443" if code else "")


def test_a_pod_that_does_not_run_yet_is_waited_for() -> None:
    _, runner = bench(SAYS.format(code=0), pod("Pending"))
    runner.reconcile(KEY)
    assert runner.running == {}


def test_a_program_ends_when_its_pod_goes() -> None:
    kubernetes, runner = bench("import time\ntime.sleep(600)\n")
    runner.reconcile(KEY)
    began = time.monotonic()
    runner.watch.objects.clear()
    runner.reconcile(KEY)
    assert ended(kubernetes)["phase"] == "Failed"
    assert time.monotonic() - began < SECONDS
