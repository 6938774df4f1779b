"""Asks a cluster through `kubectl`, which knows every way to log in that a kubeconfig can name."""

import json
import subprocess
from collections.abc import Iterable, Sequence
from typing import Any

PATIENCE = 15  # seconds that kubectl may take to answer
_KEYS = (
    "{{range .items}}{{$name := .metadata.name}}{{println $name}}"
    "{{range $key, $value := .data}}{{if $value}}{{println $name $key}}{{end}}{{end}}{{end}}"
)


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
