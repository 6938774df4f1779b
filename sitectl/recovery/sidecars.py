"""Finds what a killed run cut off beside a state that is kept in files: Pulumi then reads neither state nor lock.

Pulumi's back end for `file://` keeps a sidecar, `….attrs`, beside each file. It writes the file in one step, and the
sidecar in place: a kill, or a full disk, leaves it empty, and Pulumi says `failed to load checkpoint: EOF`. A sidecar
holds a digest and a media type, and a file without one is read as well (seen with Pulumi 3.259.0).
"""

import json
from collections.abc import Iterator
from pathlib import Path

_SCHEME = "file://"


def cut_off(backend: str, folder: Path, project: str, site: str) -> Iterator[Path]:
    """Yield each broken sidecar of a stack and of its locks; none where the back end keeps no files.

    `backend` is the address that `pulumi whoami` gives, and `folder` is where it is called: an address may be relative.
    """
    if not backend.startswith(_SCHEME):
        return
    kept = folder / Path(backend.removeprefix(_SCHEME).partition("?")[0]).expanduser() / ".pulumi"
    files = [*(kept / "stacks" / project).glob("*.attrs")]
    files += (kept / "locks" / "organization" / project / site).glob("*.attrs")
    for file in files:
        ours = file.parent.name == site or file.name.startswith(f"{site}.json")
        if ours and not _is_whole(file):
            yield file


def _is_whole(file: Path) -> bool:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True
