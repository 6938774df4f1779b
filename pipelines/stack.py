"""One stack through the `pulumi` command: what a deployment would do, what the state holds, and the deployment."""

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.words import lines, printable
from sitectl.recovery.advice import advice
from sitectl.run_pulumi import NotRunError, run_pulumi
from sitectl.vault_token import for_pulumi

REFRESH = "--refresh"
# Steps that touch nothing.
QUIET = frozenset({"same", "read", "refresh"})
# What Pulumi writes down of a step or a resource that says when or in which run, and not what.
_PASSING = ("created", "modified", "taint", "sequenceNumber")
# Encrypted anew at each export, whatever the secret is.
_CIPHERTEXT = re.compile(r'"ciphertext":\s*"[^"]*"')


class PulumiError(Exception):
    """Pulumi ended with an error: the command and its own last words."""

    def __init__(self, command: str, words: str) -> None:
        super().__init__(f"`{printable(command)}` failed:\n{lines(words)}")
        self.command = command
        self.words = words


_JOB = "kubernetes:batch/v1:Job"


@dataclass(frozen=True)
class Step:
    """One step of a plan that changes something: `properties` are those that differ."""

    operation: str
    name: str
    type_token: str
    properties: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What a deployment would do."""

    digest: str
    steps: tuple[Step, ...]

    def count(self, *operations: str) -> int:
        """Return how many resources meet one of these operations (a replacement counts once)."""
        return sum(step.operation in operations for step in self.steps)

    @property
    def destructive(self) -> tuple[Step, ...]:
        """The steps that take a resource away, for good or to make it anew; a Job is over, and holds nothing."""
        return tuple(
            step for step in self.steps if step.operation in ("delete", "replace") and step.type_token != _JOB
        )


BOOTSTRAP = "bootstrap"
DATA_VARIABLE = "IOT_BROKER_STACKS"
"""Says to the program where its data is, when that is not its own `stacks/`."""


@dataclass(frozen=True)
class Stack:
    """The stack of a site, deployed by the program in `root`; `stacks` is its data where that lies elsewhere."""

    root: Path
    site: str
    stacks: Path | None = None

    @property
    def bootstrap(self) -> "Stack":
        """The stack of what Vault's administrator makes for the site: looked at by pipelines, deployed by none."""
        return Stack(self.root / BOOTSTRAP, self.site, self.stacks)

    def exists(self) -> bool:
        """Say whether the back end has the stack; raises PulumiError."""
        found: list[dict[str, Any]] = json.loads(
            self._ask("pulumi", "stack", "ls", "--json", "--non-interactive")
        )
        return self.site in {entry["name"].rpartition("/")[2] for entry in found}

    def plan(self) -> Plan:
        """Return what `up` would do now, to the servers as they are; raises PulumiError.

        The state alone is no measure: of an object that it waited for, the official kubernetes plugin may store an
        older one, and a preview that compares with that shows updates of what is as it should be (docs/adr/0051).
        """
        found = json.loads(_masked(self._run("preview", "--json", REFRESH)))
        steps = [step for step in found.get("steps", ()) if step["op"] not in QUIET]
        canonical = sorted(
            (_step_facts(step) for step in steps), key=lambda facts: (facts["urn"], facts["op"])
        )
        return Plan(_digest(canonical), tuple(_step(step) for step in steps if step["op"] in _COUNTED))

    def state(self) -> str:
        """Return `sha256:…` of the resources that the state holds; raises PulumiError."""
        resources = [_without(resource) for resource in self.resources()]
        return _digest(sorted(resources, key=lambda resource: str(resource["urn"])))

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources that the state holds, secrets masked; raises PulumiError."""
        deployment = json.loads(_masked(self._run("stack", "export"))).get("deployment") or {}
        return list(deployment.get("resources") or ())

    def up(self) -> str:
        """Deploy what `plan` shows, and return what Pulumi said; raises PulumiError."""
        if self.stacks is not None:
            raise PulumiError("pulumi up", "what is not merged is looked at, and never deployed")
        try:
            return self._run("up", "--yes", "--skip-preview", REFRESH, "--suppress-outputs")
        except PulumiError as error:
            raise PulumiError(error.command, f"{error.words}\n{_next_step(self.site)}") from None

    def _run(self, *arguments: str) -> str:
        return self._ask("pulumi", *arguments, "--stack", self.site, "--non-interactive")

    def _variables(self) -> dict[str, str]:
        """Return what the program runs with; its data is read elsewhere only where the step says so."""
        known = dict(for_pulumi())
        known.pop(DATA_VARIABLE, None)
        return {**known, DATA_VARIABLE: str(self.stacks)} if self.stacks else known

    def _ask(self, *command: str) -> str:
        try:
            done = run_pulumi(command, self.root, self._variables())
        except NotRunError as error:
            raise PulumiError(" ".join(command), str(error)) from None
        if done.returncode:
            said = done.stdout + done.stderr
            words = "\n".join(said.strip().splitlines()[-25:])
            next_step = advice(self.site, said)
            raise PulumiError(" ".join(command), f"{words}\n{next_step}" if next_step else words)
        return done.stdout


def _next_step(site: str) -> str:
    return (
        f"Next: `sitectl preflight {site}` names each server and operator that is away, and what to do then"
    )


# Each replacement shows as three steps (create-replacement, replace, delete-replaced): one of them counts.
_COUNTED = frozenset({"create", "update", "replace", "delete", "import"})


def _step(step: dict[str, Any]) -> Step:
    _, _, type_token, name = step["urn"].split("::", 3)
    changed = sorted(step.get("detailedDiff") or step.get("diffReasons") or ())
    return Step(step["op"], name, type_token.rsplit("$", 1)[-1], tuple(changed))


def _step_facts(step: dict[str, Any]) -> dict[str, Any]:
    return {
        "op": step["op"],
        "urn": step["urn"],
        "inputs": (step.get("newState") or {}).get("inputs"),
        "diff": step.get("detailedDiff"),
    }


def _without(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key not in _PASSING}


def _masked(text: str) -> str:
    return _CIPHERTEXT.sub('"ciphertext": "..."', text)


def _digest(data: object) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def counted(plan: Plan) -> str:
    """Return a plan in a few words: `2 to update, 1 to create`."""
    words = {"create": "to create", "update": "to update", "replace": "to REPLACE", "delete": "to DELETE"}
    counts = Counter(step.operation for step in plan.steps)
    return (
        ", ".join(f"{counts[op]} {word}" for op, word in words.items() if counts[op]) or "nothing to change"
    )
