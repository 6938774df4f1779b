"""The demonstration: the lab, a real `pulumi up` of the sample site, and a table of what exists then."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from lab.environment import for_child
from lab.estate import Estate
from lab.findings import Finding, findings
from lab.workspace import BOOTSTRAP_PROJECT, PROJECT, run
from model import load_site

SITE = "eagle-ford"
BOOTSTRAP = "bootstrap"
# What `pulumi stack history` counts as no change.
UNCHANGED = ("same", "read")
_QUIETLY = ("--yes", "--skip-preview", "--suppress-outputs", "--suppress-permalink=true")


@dataclass(frozen=True)
class Deployment:
    """What the last `pulumi up` did: how many resources it left alone, and how many it touched."""

    unchanged: int
    changed: int


def deploy(estate: Estate, sitectl: str, name: str = SITE) -> Deployment | int:
    """Bring the lab up, deploy a site (the sample one), and say what exists now.

    Returns what was done, or the exit code of what failed.
    """
    from lab.tools.terminal import shown

    with shown() as progress:
        estate.up(progress)
    code = bootstrap(estate, name)
    if code != 0:
        return code
    site = load_site(estate.root / "stacks", name)
    environment = for_child(estate.environment())
    click.echo(f"Deploying {name}: pulumi up -s {name}")
    code = _pulumi(estate.root, environment, "up", "-s", name, *_QUIETLY)
    # Keycloak gives who makes a realm also rights in it that no file names: they are taken away again.
    estate.grant(site)
    if code != 0:
        click.echo(
            f"`pulumi up` ended with {code}. The servers' logs: {sitectl} lab logs SERVER\n"
            f"If an earlier one was killed: {sitectl} recover {name} (in the lab's shell: "
            f'eval "$({sitectl} lab env)"), then this again.',
            err=True,
        )
        return code
    outputs = json.loads(_ask(estate.root, environment, "stack", "output", "--json", "-s", name))
    _table(findings(estate, outputs), name)
    done = _last_deployment(estate.root, environment, name)
    click.echo(f"\n{name}: {counted(done)}")
    _next_steps(sitectl, name)
    return done


def bootstrap(estate: Estate, site: str) -> int:
    """Make the site's policies and logins as Vault's administrator, who alone may; return the exit code."""
    click.echo(f"As Vault's administrator: pulumi up -s {site} in {BOOTSTRAP}/")
    code = _pulumi(estate.root / BOOTSTRAP, _administrator(estate), "up", "-s", site, *_QUIETLY)
    if code == 0:
        code = _namespace(estate, site)
    if code != 0:
        click.echo(f"The bootstrap of {site} ended with {code}.", err=True)
    return code


def _namespace(estate: Estate, name: str) -> int:
    """Have the deployer make the site's namespace where there is none, and its administrator the Roles in it."""
    site = load_site(estate.root / "stacks", name)
    code = 0
    if not estate.has_namespace(site):
        arguments = ("up", "-s", name, *_QUIETLY, *(f"--target={urn}" for urn in namespace_urns(name)))
        code = _pulumi(estate.root, for_child(estate.environment()), *arguments)
    if code == 0:
        estate.grant(site)
    return code


def namespace_urns(site: str) -> tuple[str, ...]:
    """Return what `pulumi up` makes when it shall make the site's namespace alone."""
    project = f"urn:pulumi:{site}::{PROJECT}::"
    component = "iot-broker:site:IotSite"
    return (
        f"{project}{component}::{site}",
        f"{project}{component}$pulumi:providers:kubernetes::{site}-kubernetes",
        f"{project}{component}$kubernetes:core/v1:Namespace::{site}-namespace",
    )


def _administrator(estate: Estate) -> dict[str, str]:
    return for_child(estate.environment()) | estate.administration()


def clean(estate: Estate) -> int:
    """Destroy every site that is deployed in the lab, end the lab and remove its state; return the exit code."""
    if not estate.state.exists():
        click.echo("There is nothing to clean.")
        return 0
    from lab.tools.terminal import shown

    code = 0
    deployed = deployed_sites(estate.state)
    bootstrapped = deployed_sites(estate.state, BOOTSTRAP_PROJECT)
    if deployed or bootstrapped:
        with shown() as progress:
            estate.up(progress)
        environment = for_child(estate.environment())
        for site in deployed:
            code = code or destroy(estate.root, environment, site)
        # The deployer's rights go last: without them nothing of a site could be taken down.
        environment = _administrator(estate)
        for site in bootstrapped:
            code = code or destroy(estate.root / BOOTSTRAP, environment, site)
    if code == 0:
        count = estate.down(purge=True)
        click.echo(f"The lab {estate.name!r} is gone: {count} processes stopped, its state removed.")
    return code


def destroy(root: Path, environment: Mapping[str, str], site: str) -> int:
    """Take a site away for good, whatever a killed run left: its lock, its protection, what was under way."""
    held = locked_by(Path(environment["PULUMI_BACKEND_URL"].removeprefix("file://")), site)
    if held is not None:
        click.echo(f"A `pulumi` (pid {held}) is at work on {site}: wait until it has ended.", err=True)
        return 1
    for arguments in (("cancel", site, "--yes"), ("state", "unprotect", "--all", "--yes", "-s", site)):
        _ask(root, environment, *arguments, "--non-interactive")
    return _pulumi(root, environment, "destroy", "-s", site, "--yes", "--skip-preview")


def locked_by(state: Path, site: str) -> int | None:
    """Return the pid of a `pulumi` that runs and holds the lock of a site's stack; None where there is none."""
    import psutil

    for file in (state / ".pulumi" / "locks").glob(f"*/*/{site}/*.json"):
        try:
            pid = int(json.loads(file.read_text())["pid"])
            if psutil.Process(pid).name().startswith("pulumi"):
                return pid
        # A lock that goes at this moment, or whose process is gone.
        except (OSError, ValueError, KeyError, psutil.Error):
            continue
    return None


def _pulumi(root: Path, environment: Mapping[str, str], *arguments: str) -> int:
    """Run `pulumi` with the terminal as its own, so that it shows its progress there; return its exit code."""
    return subprocess.run(("pulumi", *arguments), cwd=root, env=dict(environment), check=False).returncode


def _ask(root: Path, environment: Mapping[str, str], *arguments: str) -> str:
    return run(Path("pulumi"), arguments, root, environment)


def _last_deployment(root: Path, environment: Mapping[str, str], site: str) -> Deployment:
    history: list[dict[str, Any]] = json.loads(
        _ask(root, environment, "stack", "history", "-s", site, "--json", "--page-size", "1")
    )
    counts: dict[str, int] = history[0].get("resourceChanges") or {}
    unchanged = sum(counts.get(kind, 0) for kind in UNCHANGED)
    return Deployment(unchanged, sum(counts.values()) - unchanged)


def counted(done: Deployment) -> str:
    """Return what a deployment did, as a person would say it."""
    if not done.changed:
        return f"0 to change, {done.unchanged} resources as they were."
    return f"{done.changed} resources changed, {done.unchanged} as they were."


def deployed_sites(state: Path, project: str = PROJECT) -> list[str]:
    """Return the sites whose stacks of a project hold resources, as the lab's state files say."""
    deployed = []
    for file in sorted((state / "pulumi" / "state" / ".pulumi" / "stacks" / project).glob("*.json")):
        latest = json.loads(file.read_text())["checkpoint"].get("latest") or {}
        if latest.get("resources"):
            deployed.append(file.stem)
    return deployed


def _table(found: tuple[Finding, ...], site: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=f"What exists now at {site}", title_justify="left")
    for heading in ("what", "name", "seen on the server"):
        table.add_column(heading, overflow="fold")
    for finding in found:
        table.add_row(finding.what, finding.name, finding.seen)
    # A pipe or a file has no width of its own.
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _next_steps(sitectl: str, site: str) -> None:
    steps = (
        (f'eval "$({sitectl} lab env)"', "makes this shell reach the lab as it would a real site; then:"),
        (f"pulumi preview -s {site}", f"shows what an edit of stacks/sites/{site}.yaml would do"),
        (f"kubectl -n iot-{site} get emqx,pods", "shows what runs (the pods are simulated)"),
        (f"{sitectl} lab status", "shows the servers"),
        ("make clean-demo", "ends it and leaves nothing"),
    )
    width = max(len(step) for step, _ in steps)
    click.echo("\nWhat to try next:")
    for step, why in steps:
        click.echo(f"  {step:<{width}}  {why}")
