"""Git sees nothing of what the README's steps and the lab write into a checkout."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.shell import REPOSITORY

OFFLINE = ("validate", "explain", "render", "sites", "capacity")
# What `make demo`, `make test` and `eval "$(sitectl lab env)"` write beside the sources.
WRITTEN = (
    ".lab/demo/pulumi/settings.yaml",
    ".lab/demo.lock",
    ".venv/.ready",
    "model/__pycache__/site.cpython-311.pyc",
    "iot_broker_kit.egg-info/PKG-INFO",
    ".pytest_cache/README.md",
    ".hypothesis/constants/x",
    ".mypy_cache/x",
    ".ruff_cache/x",
    ".coverage",
)


def test_git_status_stays_clean_after_the_readmes_steps(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "stacks", tmp_path / "stacks")
    for name in ("Pulumi.yaml", ".gitignore", "README.md"):
        shutil.copy2(REPOSITORY / name, tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=T", "-c", "user.email=t@field.example", "commit", "--quiet", "-m", "all")
    steps = [
        line.partition("#")[0].split()[1:]
        for line in (REPOSITORY / "README.md").read_text().splitlines()
        if re.match(rf"sitectl ({'|'.join(OFFLINE)}) ", line)
    ]
    assert ["render", "eagle-ford", "--out", "out"] in steps
    for step in steps:
        done = subprocess.run(
            (sys.executable, "-m", "sitectl", *step),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    for name in WRITTEN:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    assert git(tmp_path, "status", "--porcelain") == ""


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(("git", *arguments), cwd=folder, capture_output=True, text=True, check=True).stdout
