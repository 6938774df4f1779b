"""Copies the program and its data, so that a copy may be edited."""

import shutil
import sys
from pathlib import Path

PARTS = ("Pulumi.yaml", "__main__.py", "stacks", "bootstrap")


def copy_program(root: Path, folder: Path) -> Path:
    """Copy the program in `root` to `folder`, which has none of it yet; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    # `Pulumi.yaml` names the environment by its place beside the program.
    (folder / ".venv").symlink_to(sys.prefix)
    return folder
