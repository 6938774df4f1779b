"""A shell at a lab: runs commands with the environment that `sitectl lab env` gives, in a copy of the program."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lab import program
from lab.demo import namespace_urns
from model import Site, load_site

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything that was printed."""
        return self.out + self.err


@dataclass(frozen=True)
class Step:
    """One step of a preview: what happens to which resource, and to which of its properties."""

    operation: str
    name: str
    type_token: str
    properties: frozenset[str]


@dataclass
class Shell:
    """Commands in `folder` with `environment` on top of this process's own.

    `environment` is the deployer's. `administration` are the variables of the servers' administrators, where they
    differ: with them a test makes bootstraps, looks at servers, and edits by hand behind the kit's back.
    """

    folder: Path
    # Never in a failure's report: some of it is secret.
    environment: Mapping[str, str] = field(repr=False)
    administration: Mapping[str, str] = field(default_factory=dict, repr=False)
    logs: list[str] = field(default_factory=list, repr=False)
    grant: Callable[[Site], None] = field(default=lambda _site: None, repr=False)
    """Gives a site's deployer and reviewers their rights in the cluster and in Keycloak, as far as it is there yet."""
    bootstrapped: set[str] = field(default_factory=set, repr=False)
    granted: set[str] = field(default_factory=set, repr=False)

    def run(
        self,
        *command: str,
        check: bool = True,
        text: str | None = None,
        timeout: float = 420,
        variables: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run a command; a failure raises with all that it printed unless `check` is false."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **self.environment, **(variables or {})},
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        self.logs.append(outcome.text)
        if check and outcome.code:
            raise AssertionError(f"{' '.join(command)} ended with {outcome.code}:\n{outcome.text}")
        return outcome

    def pulumi(self, *arguments: str, check: bool = True, text: str | None = None) -> Outcome:
        """Run `pulumi`, which asks nothing."""
        return self.run("pulumi", *arguments, "--non-interactive", check=check, text=text)

    def up(self, site: str, check: bool = True) -> Outcome:
        """Deploy the site; the first time Vault's administrator makes its policies and logins before."""
        if site not in self.bootstrapped:
            self.bootstrap(site)
        outcome = self.pulumi("up", "--yes", "--skip-preview", "--stack", site, check=check)
        if site not in self.granted and outcome.code == 0:
            # Keycloak gives who makes a realm also rights in it that no file of rights names.
            self.grant(self._site(site))
            self.granted.add(site)
        return outcome

    def _site(self, name: str) -> Site:
        return load_site(self.folder / "stacks", name)

    def destroy(self, site: str) -> None:
        """Take the site away, and then what its administrator made for it: without that the deployer has no rights."""
        self.pulumi("destroy", "--yes", "--skip-preview", "--stack", site)
        self.administrator("destroy", "--yes", "--skip-preview", "--stack", site)
        self.bootstrapped.discard(site)
        self.granted.discard(site)

    def bootstrap(self, site: str) -> Outcome:
        """Make the site's policies and logins as Vault's administrator, and where there is none its namespace.

        The namespace is the deployer's to make; what it may do in it follows, from the cluster's administrator.
        """
        outcome = self.administrator("up", "--yes", "--skip-preview", "--stack", site)
        found = self._site(site)
        if not self.exists("namespace", found.namespace):
            targets = [f"--target={urn}" for urn in namespace_urns(site)]
            self.pulumi("up", "--yes", "--skip-preview", "--stack", site, *targets)
        self.grant(found)
        self.bootstrapped.add(site)
        return outcome

    def administrator(self, *arguments: str, check: bool = True, text: str | None = None) -> Outcome:
        """Run `pulumi` in the bootstrap's folder with the rights of Vault's administrator."""
        command = ("pulumi", *arguments, "--cwd", "bootstrap", "--non-interactive")
        return self.run(*command, check=check, text=text, variables=self.administration)

    def preview(self, site: str, *arguments: str) -> list[Step]:
        """Return the steps of a preview that change something."""
        outcome = self.pulumi("preview", "--json", "--stack", site, *arguments)
        return steps(json.loads(outcome.out))

    def outputs(self, site: str) -> dict[str, Any]:
        """Return the stack's outputs."""
        found: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json", "--stack", site).out)
        return found

    def state(self, site: str) -> list[dict[str, Any]]:
        """Return the resources of the exported state by URN, to compare with another time's."""
        return sorted(self.resources(site), key=lambda resource: str(resource["urn"]))

    def resources(self, site: str) -> list[dict[str, Any]]:
        """Return the resources of the exported state, each after those that it needs.

        Of a secret only that there is one, for it is encrypted anew.
        """
        text = self.pulumi("stack", "export", "--stack", site).out
        exported = json.loads(re.sub(r'"ciphertext": "[^"]*"', '"ciphertext": "..."', text))
        resources: list[dict[str, Any]] = exported["deployment"].get("resources", [])
        return resources

    def kubectl(self, *arguments: str, check: bool = True, text: str | None = None) -> Outcome:
        """Run `kubectl` as the cluster's administrator."""
        return self.run("kubectl", *arguments, check=check, text=text, variables=self.administration)

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        """Return a Kubernetes object as the API server has it."""
        place = ("--namespace", namespace) if namespace else ()
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, *place, "--output=json").out)
        return found

    def all(self, kind: str, namespace: str | None = None, selector: str = "") -> list[dict[str, Any]]:
        """Return all Kubernetes objects of a kind."""
        place = ("--namespace", namespace) if namespace else ()
        found = json.loads(self.kubectl("get", kind, *place, f"--selector={selector}", "--output=json").out)
        items: list[dict[str, Any]] = found["items"]
        return items

    def exists(self, kind: str, name: str, namespace: str | None = None) -> bool:
        """Say whether a Kubernetes object is there."""
        place = ("--namespace", namespace) if namespace else ()
        return bool(
            self.kubectl("get", kind, name, *place, "--ignore-not-found", "--output=name").out.strip()
        )

    @cached_property
    def authority(self) -> Path:
        """The PEM file of the authority that signed the lab's servers."""
        return Path(self.environment["IOT_BROKER_CA_FILE"])


def steps(preview: Mapping[str, Any]) -> list[Step]:
    """Return the steps of `pulumi preview --json` that change something."""
    found = []
    for step in preview["steps"]:
        if step["op"] in ("same", "read", "refresh"):
            continue
        _, _, type_token, name = step["urn"].split("::")
        detailed = frozenset(step.get("detailedDiff") or ())
        found.append(Step(step["op"], name, type_token.rsplit("$", maxsplit=1)[-1], detailed))
    return found


def copy_program(folder: Path) -> Path:
    """Copy the program and its data to `folder`, so that a test may edit them; returns the folder."""
    return program.copy_program(REPOSITORY, folder)
