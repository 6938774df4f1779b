"""Asks a cluster through `kubectl`, which knows every way to log in that a kubeconfig can name."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PATIENCE = 15  # seconds that kubectl may take to answer
_KEYS = (
    "{{range .items}}{{$name := .metadata.name}}{{println $name}}"
    "{{range $key, $value := .data}}{{if $value}}{{println $name $key}}{{end}}{{end}}{{end}}"
)
# One line for each object: kind and group, namespace, name, whether it is going, the value of a label.
_PLACES = (
    '{{define "place"}}{{.kind}}|{{.apiVersion}}|{{with .metadata.namespace}}{{.}}{{end}}|{{.metadata.name}}|'
    "{{with .metadata.deletionTimestamp}}going{{end}}|"
    '{{with .metadata.labels}}{{with index . "LABEL"}}{{.}}{{end}}{{end}}{{"\\n"}}{{end}}'
    '{{if .items}}{{range .items}}{{template "place" .}}{{end}}{{else if .metadata.name}}{{template "place" .}}{{end}}'
)


@dataclass(frozen=True)
class Seen:
    """An object that is there: its place (`Kind.group`, namespace or nothing, name), and how it is."""

    place: tuple[str, str, str]
    deleting: bool
    label: str
    """Value of the label that was asked for; empty without one."""

    @property
    def name(self) -> str:
        """Its kind and name, for people."""
        return f"{self.place[0].partition('.')[0]} {self.place[2]}"


class KubectlFailed(Exception):
    """`kubectl` ended with an error; the argument is its last line."""


class Kubectl:
    """The `kubectl` command, bound to one context."""

    def __init__(self, context: str) -> None:
        self._command = ["kubectl", "--context", context, "--request-timeout=10s"]

    def get_raw(self, path: str) -> Any:
        """Return the JSON that the API server answers at `path`; raises `KubectlFailed`."""
        return json.loads(self._run(["get", "--raw", path]))

    def create_raw(self, path: str, body: object) -> Any:
        """Post `body` to `path` and return the answer; raises `KubectlFailed`."""
        return json.loads(self._run(["create", "--raw", path, "-f", "-"], json.dumps(body)))

    def objects(self, namespace: str, references: Sequence[str]) -> list[dict[str, Any]]:
        """Return those of the objects (`KIND/NAME`) that are there, with their managers; raises `KubectlFailed`."""
        place = [f"--namespace={namespace}"] if namespace else []
        options = ["--show-managed-fields", "--ignore-not-found", "--output=json"]
        text = self._run(["get", *references, *place, *options])
        found = json.loads(text) if text.strip() else {"items": []}
        items: list[dict[str, Any]] = found.get("items", [found])
        return items

    def keys_of_secrets(self, namespace: str, secrets: Iterable[str]) -> dict[str, set[str]]:
        """Return the keys with a value of each of these Secrets that is there; raises `KubectlFailed`.

        `kubectl` prints names alone: no value comes into this process.
        """
        # Two names at least, so that what comes is a list whatever is there; the second time it is the same Secret.
        wanted = [*secrets]
        command = ["get", "secret", *wanted, wanted[0], f"--namespace={namespace}", "--ignore-not-found"]
        found: dict[str, set[str]] = {}
        for line in self._run([*command, f"--output=go-template={_KEYS}"]).splitlines():
            name, _, key = line.partition(" ")
            found.setdefault(name, set()).update({key} if key else ())
        return found

    def seen(self, manifests: Sequence[Mapping[str, Any]], label: str) -> list[Seen]:
        """Return which of these objects are there; of a manifest its name alone counts. Raises `KubectlFailed`.

        `kubectl` prints names and one label: nothing else of an object comes into this process.
        """
        command = ["get", "--filename=-", "--ignore-not-found"]
        template = _PLACES.replace("LABEL", label)
        wanted = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        found = []
        for line in self._run([*command, f"--output=go-template={template}"], wanted).splitlines():
            kind, version, namespace, name, going, value = line.split("|")
            place = (f"{kind}.{version.rpartition('/')[0]}", namespace, name)
            found.append(Seen(place, going == "going", value))
        return found

    def _run(self, arguments: list[str], text: str | None = None) -> str:
        try:
            done = subprocess.run(
                [*self._command, *arguments],
                input=text,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise KubectlFailed(f"`kubectl {arguments[0]}` gave no answer within {PATIENCE} s") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["kubectl failed without a word"]
            raise KubectlFailed(lines[-1].removeprefix("error: "))
        return done.stdout
