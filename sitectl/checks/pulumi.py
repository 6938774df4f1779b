"""Preflight's look at Pulumi itself: the CLI, its plugins and the stack are there before anything is planned."""

import importlib.metadata
import json
import re
import shutil
import subprocess
from pathlib import Path

from sitectl.checks import Finding

AREA = "pulumi"
OLDEST = (3, 208)  # the first CLI that knows PULUMI_OPTION_CONFIG_FILE
PATIENCE = 25  # seconds that the CLI may take to answer
PROVIDERS = ("kubernetes", "vault", "keycloak")
LANGUAGE_HOST = "pulumi-language-python"
ENVIRONMENT = ".venv"
"""Where the program's environment is, as `Pulumi.yaml` says."""


def check(root: Path, site: str) -> list[Finding]:
    """Look at the `pulumi` on the PATH, from the program's folder `root`."""
    try:
        version = _run(root, "version").strip()
    except FileNotFoundError:
        return [
            Finding(AREA, "the CLI", "not on the PATH", "install the Pulumi CLI, or open the lab's shell")
        ]
    except PulumiFailed as failure:
        return [Finding(AREA, "the CLI", str(failure), "run `pulumi version` and mend what it says")]
    try:
        return [_version(version), _environment(root), *_plugins(root), _stack(root, site)]
    except PulumiFailed as failure:
        return [
            _version(version),
            Finding(AREA, "the plugins", str(failure), "run `pulumi plugin ls` and mend what it says"),
        ]


class PulumiFailed(Exception):
    """`pulumi` ended with an error; the argument is its message."""


def _run(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"]
            if arguments != ("version",)
            else ["pulumi", "version"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PulumiFailed(f"`pulumi {' '.join(arguments)}` gave no answer within {PATIENCE} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line] or [
            "pulumi failed without a word"
        ]
        raise PulumiFailed(lines[-1].removeprefix("error: "))
    return done.stdout


def _version(version: str) -> Finding:
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        return Finding(AREA, "the CLI", version, f"upgrade Pulumi to {OLDEST[0]}.{OLDEST[1]} or later")
    return Finding(AREA, "the CLI", version)


def _environment(root: Path) -> Finding:
    """Look at the environment that `Pulumi.yaml` names: the language host runs the program in it."""
    what, python = "the program's environment", root / ENVIRONMENT / "bin" / "python"
    needed = ("pip", "pulumi", *(f"pulumi_{name}" for name in PROVIDERS))
    asked = f"import importlib.util as u; print(*(n for n in {needed!r} if u.find_spec(n) is None))"
    remedy = "run `make setup` in the kit's folder (at a site `make site`)"
    try:
        done = subprocess.run(
            [python, "-I", "-c", asked], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except OSError:
        return Finding(AREA, what, f"{ENVIRONMENT} is missing, or has no Python", remedy)
    except subprocess.TimeoutExpired:
        return Finding(AREA, what, f"its Python gave no answer within {PATIENCE} s", remedy)
    missing = done.stdout.split()
    if done.returncode or missing:
        return Finding(AREA, what, f"lacks {', '.join(missing)}" if missing else "cannot run Python", remedy)
    return Finding(AREA, what, ENVIRONMENT)


def _plugins(root: Path) -> list[Finding]:
    plugins = json.loads(_run(root, "plugin", "ls", "--json"))
    installed = {(plugin["name"], plugin.get("version")) for plugin in plugins}
    host, found = "the language host for Python", shutil.which(LANGUAGE_HOST)
    # Pulumi has it beside its CLI; the lab's own is among the plugins.
    if found or any(plugin["kind"] == "language" and plugin["name"] == "python" for plugin in plugins):
        findings = [Finding(AREA, host, found or "installed as a plugin")]
    else:
        remedy = f"install Pulumi whole: its archive has `{LANGUAGE_HOST}` beside `pulumi`"
        findings = [Finding(AREA, host, "not on the PATH", remedy)]
    for name in PROVIDERS:
        wanted = importlib.metadata.version(f"pulumi-{name}")
        what = f"plugin {name} {wanted}"
        if (name, wanted) in installed:
            findings.append(Finding(AREA, what, "installed"))
        else:
            others = ", ".join(str(version) for other, version in installed if other == name)
            detail = f"not installed (there is {others})" if others else "not installed"
            findings.append(Finding(AREA, what, detail, f"pulumi plugin install resource {name} v{wanted}"))
    return findings


def _stack(root: Path, site: str) -> Finding:
    try:
        stacks = json.loads(_run(root, "stack", "ls", "--json"))
    except PulumiFailed as failure:
        return Finding(AREA, "the state's back end", str(failure), "`pulumi login` to the site's back end")
    if site in {stack["name"] for stack in stacks}:
        return _interrupted(root, site)
    return Finding(AREA, f"stack {site}", "does not exist yet", f"pulumi stack init {site}")


def _interrupted(root: Path, site: str) -> Finding:
    """Look whether the last deployment came to its end."""
    try:
        state = json.loads(_run(root, "stack", "export", "--stack", site)).get("deployment") or {}
    except PulumiFailed as failure:
        return Finding(
            AREA, f"stack {site}", str(failure), f"run `pulumi stack export -s {site}` and mend what it says"
        )
    if pending := state.get("pending_operations"):
        detail = f"a deployment was interrupted: {len(pending)} operations were under way"
        return Finding(AREA, f"stack {site}", detail, f"sitectl recover {site}")
    return Finding(AREA, f"stack {site}", "exists")
