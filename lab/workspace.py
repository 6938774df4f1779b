"""The lab's Pulumi: a home, a state, a passphrase and stack settings of its own, and a stack for each site."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from lab.errors import PulumiFailedError
from lab.files import secret, write_if_changed
from lab.progress import Progress
from lab.servers import kubernetes
from lab.servers.base import Lab

PROJECT = "iot-broker"
BOOTSTRAP_PROJECT = "iot-broker-bootstrap"
# Each site has a stack of its own, and one of what Vault's administrator makes for it.
PROJECTS = (PROJECT, BOOTSTRAP_PROJECT)
INIT_SECONDS = 240.0


@dataclass(frozen=True)
class Workspace:
    """Pulumi's files of one lab in `folder`, for the program in `root`."""

    folder: Path
    root: Path

    def environment(self) -> dict[str, str]:
        """Return what makes the Pulumi CLI use this workspace, and keeps it off the network."""
        return {
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            "PULUMI_OPTION_CONFIG_FILE": str(self.folder / "settings.yaml"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def prepare(self, lab: Lab, progress: Progress) -> None:
        """Make what is missing; the addresses of this `up` go into the stack settings."""
        from lab.plugins.install import install

        for name in ("home", "state"):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        secret(self.folder / "passphrase")
        self._write_settings(lab)
        before = self.folder / "plugins.txt"
        report = "".join(f"{plugin}\n" for plugin in install(self.folder / "home"))
        if not before.exists() or before.read_text() != report:
            write_if_changed(before, report)
            for line in report.splitlines():
                progress.note(f"Pulumi plugin {line}")
        for project in PROJECTS:
            for site in self.missing_stacks(project):
                progress.step("pulumi", f"stack {site} of {project}")
                self._initialise(lab.tools["pulumi"] / "pulumi", project, site)

    def missing_stacks(self, project: str = PROJECT) -> list[str]:
        """Return the sites of the program that have no stack yet."""
        stacks = self.folder / "state" / ".pulumi" / "stacks" / project
        sites = sorted(file.stem for file in (self.root / "stacks" / "sites").glob("*.yaml"))
        return [site for site in sites if not (stacks / f"{site}.json").exists()]

    def _write_settings(self, lab: Lab) -> None:
        """Write the keys that a real site's `Pulumi.<site>.yaml` has; keep what Pulumi itself wrote (its salt)."""
        file = self.folder / "settings.yaml"
        document = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
        config = document.get("config") or {}
        document["config"] = {**config, **settings(lab)}
        write_if_changed(file, yaml.safe_dump(document, sort_keys=True))

    def _initialise(self, pulumi: Path, name: str, site: str) -> None:
        """Make the stack from a folder with nothing but the project's name.

        `stack init` writes its salt beside the program whatever PULUMI_OPTION_CONFIG_FILE says; here the file that it
        writes is a link to the lab's own settings, so that the checkout stays as it is.
        """
        project = self.folder / "projects" / name
        write_if_changed(project / "Pulumi.yaml", f"name: {name}\nruntime: python\n")
        link = project / f"Pulumi.{site}.yaml"
        if not link.is_symlink():
            link.symlink_to(self.folder / "settings.yaml")
        arguments = ("stack", "init", site, "--non-interactive", "--no-select")
        run(pulumi, arguments, project, {**os.environ, **self.environment()})


def settings(lab: Lab) -> Mapping[str, object]:
    """Return the stack settings: addresses and certificate files, never a credential."""
    authority = str(lab.authority.certificate)
    return {
        "iot-broker:kubernetesContext": kubernetes.CONTEXT,
        "iot-broker:kubernetesHost": lab.url("kube-apiserver"),
        "iot-broker:kubernetesCaFile": authority,
        "iot-broker:vaultAddress": lab.url("vault"),
        "iot-broker:vaultCaFile": authority,
        "iot-broker:keycloakUrl": lab.url("keycloak"),
        "iot-broker:keycloakCaFile": authority,
        "iot-broker:prometheusUrl": lab.url("prometheus"),
        "iot-broker:prometheusCaFile": authority,
        "pulumi:disable-default-providers": ["*"],
    }


def run(pulumi: Path, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Return what a short `pulumi` command prints; raise `PulumiFailedError` with its words when it refuses."""
    done = subprocess.run(
        (str(pulumi), *arguments),
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=INIT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        words = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise PulumiFailedError(tuple(arguments), done.returncode, words)
    return done.stdout
