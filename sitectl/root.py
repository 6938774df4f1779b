"""Finds the program's folder: the one with `Pulumi.yaml` and the sites' data."""

from pathlib import Path

import click

BOOTSTRAP = "bootstrap"
"""The folder, in the program's, of the program that Vault's administrator runs; it has a `Pulumi.yaml` of its own."""


class OutsideError(click.ClickException):
    """The command was started where no kit is: another folder's sites must not be taken for those that were meant."""


def program_root(start: Path | None = None) -> Path:
    """Return the nearest folder at or above `start` (default: here) with a `Pulumi.yaml` and `stacks/`.

    Raises `OutsideError` where there is none.
    """
    try:
        here = (start or Path.cwd()).resolve()
    except FileNotFoundError:
        raise OutsideError("the current folder has been removed\n    change to the kit's folder") from None
    for folder in (here, *here.parents):
        if _is_kit(folder):
            return folder
    raise OutsideError(_outside(here))


def _is_kit(folder: Path) -> bool:
    return (folder / "Pulumi.yaml").is_file() and (folder / "stacks").is_dir()


def _outside(here: Path) -> str:
    from model.words import printable

    own = Path(__file__).resolve().parent.parent
    remedy = "change to the checkout that holds the sites' data" + (f": cd {own}" if _is_kit(own) else "")
    return (
        f"{printable(str(here))} is outside of a kit's folder: neither it nor a folder above it has "
        f"`Pulumi.yaml` and `stacks/`\n    {remedy}"
    )
