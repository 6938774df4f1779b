"""Finds the program's folder: the one with `Pulumi.yaml`."""

from pathlib import Path

BOOTSTRAP = "bootstrap"
"""The folder, in the program's, of the program that Vault's administrator runs; it has a `Pulumi.yaml` of its own."""


def program_root(start: Path | None = None) -> Path:
    """Return the nearest folder at or above `start` (default: here) with a `Pulumi.yaml`, else the kit's own."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file() and folder.name != BOOTSTRAP:
            return folder
    return Path(__file__).resolve().parent.parent
