"""Finds what a killed run or a full disk cut off of a state that is kept in files: Pulumi then reads nothing.

Pulumi's back end for `file://` writes a state in one step, and a sidecar, `….attrs`, beside it in place: a kill leaves
that empty, and Pulumi says `failed to load checkpoint: EOF`. A sidecar holds a digest and a media type, and a file
without one is read as well. On a full disk it puts what it could write in the state's place, and says `unexpected end
of JSON input`; it tries again, so that the copy beside it, `….bak`, is cut off as well, and the state from before the
update is in `backups/`. Seen with Pulumi 3.259.0.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SCHEME = "file://"


@dataclass(frozen=True)
class StateFiles:
    """The files of one stack; `folder` is the back end's own, `.pulumi`."""

    folder: Path
    project: str
    site: str

    @property
    def state(self) -> Path:
        """The file of the state."""
        return self.folder / "stacks" / self.project / f"{self.site}.json"

    def broken_sidecars(self) -> Iterator[Path]:
        """Yield each broken sidecar of the stack and of its locks."""
        files = [*self.state.parent.glob(f"{self.site}.json*.attrs")]
        files += (self.folder / "locks" / "organization" / self.project / self.site).glob("*.attrs")
        yield from (file for file in files if not _is_whole(file))

    def is_broken(self) -> bool:
        """Say whether there is a state that nothing can read."""
        return self.state.is_file() and not _is_whole(self.state)

    def backup(self) -> Path | None:
        """Return the newest whole state that Pulumi kept; None without one."""
        kept = self.folder / "backups" / self.project / self.site
        files = [self.state.with_name(f"{self.state.name}.bak"), *kept.glob(f"{self.site}.*.json")]
        whole = [file for file in files if file.is_file() and _is_whole(file)]
        return max(whole, key=lambda file: file.stat().st_mtime_ns, default=None)

    def restore(self, backup: Path) -> Path:
        """Put a backup in the state's place, and return where the broken one is kept."""
        aside = self.state.with_name(f"{self.state.name}.cut-off")
        fresh = self.state.with_name(f"{self.state.name}.restored")
        shutil.copy(backup, fresh)
        # At no moment is there no state: Pulumi would take the stack for one that was never deployed.
        shutil.copy(self.state, aside)
        fresh.replace(self.state)
        # It speaks of the broken one.
        self.state.with_name(f"{self.state.name}.attrs").unlink(missing_ok=True)
        return aside


def state_files(backend: str, root: Path, project: str, site: str) -> StateFiles | None:
    """Return a stack's files; None where the back end keeps none.

    `backend` is the address that `pulumi whoami` gives, and `root` is where it is called: an address may be relative.
    """
    if not backend.startswith(_SCHEME):
        return None
    kept = root / Path(backend.removeprefix(_SCHEME).partition("?")[0]).expanduser()
    return StateFiles(kept / ".pulumi", project, site)


def _is_whole(file: Path) -> bool:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True
