"""Makes the SDK that this Vault was built with, out of two published versions of it: no registry serves it as one.

The published SDK of the same age lacks one change and has another too many; both edits are checked by hash, before
and after, so that nothing but what was tried is ever compiled.
"""

import hashlib
import shutil
import tomllib
from pathlib import Path
from typing import TypedDict

from lab.tools import golang
from lab.tools.bench import Bench
from lab.tools.errors import ChecksumError

MODULE = "github.com/hashicorp/vault/sdk"
PINS = golang.SOURCES / "vault" / "sdk.toml"


class Release(TypedDict):
    """A published version of the SDK and its checksum as in a go.sum."""

    version: str
    checksum: str


class Taken(TypedDict):
    """A file that is taken from the donor release: its path and hash."""

    file: str
    after: str


class Edited(TypedDict):
    """A file in which one text is replaced by another: hashes of the whole file before and after."""

    file: str
    before: str
    after: str
    text: str
    replacement: str


class Pins(TypedDict):
    """What `sdk.toml` holds."""

    base: Release
    donor: Release
    taken: Taken
    edited: Edited


def make(bench: Bench, folder: Path) -> None:
    """Make the SDK's source in `folder`. Raises `ChecksumError` when anything differs from the pins."""
    pins = _pins()
    base = golang.unpack(bench, MODULE, pins["base"]["version"], pins["base"]["checksum"])
    donor = golang.unpack(bench, MODULE, pins["donor"]["version"], pins["donor"]["checksum"])
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)

    taken = pins["taken"]
    shutil.copyfile(donor / taken["file"], folder / taken["file"])
    _check(folder / taken["file"], taken["after"])

    edited = pins["edited"]
    file = folder / edited["file"]
    _check(file, edited["before"])
    file.write_text(file.read_text().replace(edited["text"], edited["replacement"]))
    _check(file, edited["after"])


def _pins() -> Pins:
    pins: Pins = tomllib.loads(PINS.read_text())  # type: ignore[assignment] # the file is the repository's own
    return pins


def _check(file: Path, expected: str) -> None:
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != expected:
        raise ChecksumError(f"{MODULE}/{file.name}", expected, found)
