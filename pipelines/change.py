"""Takes a change's data out of git, and nothing else: what a change brings along is read here, and never run.

The program that looks at it is the one of the checkout, which is the protected branch's; so are the stacks' settings,
whose addresses say where logins are sent.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from model.document import LARGEST_FILE, LINK, LINK_REMEDY
from model.errors import SiteError
from model.links import SETTINGS
from sitectl import git

DATA = "stacks"
# What every site is made of, beside its data.
PROGRAM = ("__main__.py", "Pulumi.yaml", "bootstrap", "components", "model", "policies", "rights", "uv.lock")
# What nothing runs.
TEXTS = ("docs", "runbooks", "LICENSE")
TRUST = ("stacks/promotions/signers.yaml", "stacks/promotions/approvers.yaml")
MOST_FILES = 5000
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
_FILE, _EXECUTABLE, _LINK = "100644", "100755", "120000"


@dataclass(frozen=True)
class Change:
    """A change as data: its commit, the folder that holds its `stacks/`, and what in it cannot be read as data."""

    commit: str
    folder: Path
    mistakes: tuple[SiteError, ...] = ()

    @property
    def stacks(self) -> Path:
        """The data folder."""
        return self.folder / DATA


@contextmanager
def data_of(root: Path, commit: str) -> Iterator[Change]:
    """Give the data of a commit, in a folder of its own that goes afterwards; raises git.GitError.

    Only plain files with plain names are taken: links, submodules and the stacks' settings are not.
    """
    with tempfile.TemporaryDirectory(prefix="iot-broker-change-") as temporary:
        folder = Path(temporary)
        (folder / DATA).mkdir()
        yield Change(commit, folder, tuple(_extract(root, commit, folder)))


def program_files(root: Path, commit: str) -> list[str]:
    """Return the program's files that a change touches, seen from where it branched off; raises git.GitError."""
    return git.between(root, f"HEAD...{commit}", *PROGRAM)


def other_code(root: Path, commit: str) -> list[str]:
    """Return the other files that a change touches and some tool runs: pipelines, tests, the Makefile.

    Raises git.GitError.
    """
    return [
        path
        for path in git.between(root, f"HEAD...{commit}")
        if PurePosixPath(path).parts[0] not in (*PROGRAM, *TEXTS, DATA) and not path.endswith(".md")
    ]


def is_behind(root: Path, commit: str) -> bool:
    """Say whether a change's program is another than the checkout's; raises git.GitError."""
    return bool(git.between(root, f"HEAD..{commit}", *PROGRAM))


def settings_files(root: Path, commit: str) -> list[str]:
    """Return the stacks' settings that a change touches; raises git.GitError."""
    touched = git.between(root, f"HEAD...{commit}", DATA)
    return [path for path in touched if PurePosixPath(path).name.startswith(SETTINGS)]


def trust_files(root: Path, commit: str) -> list[str]:
    """Return the files that say whose word counts, as far as a change touches them; raises git.GitError."""
    return git.between(root, f"HEAD...{commit}", *TRUST)


def _extract(root: Path, commit: str, folder: Path) -> Iterator[SiteError]:
    entries = list(git.entries(root, commit, DATA))
    if len(entries) > MOST_FILES:
        yield SiteError(folder / DATA, None, "", f"holds {len(entries)} files", f"keep it below {MOST_FILES}")
        return
    for entry in entries:
        parts = PurePosixPath(entry.path).parts
        if any(part.startswith(".") for part in parts) and ".." not in parts:
            continue  # nothing reads hidden files
        if not all(_NAME.fullmatch(part) for part in parts):
            problem = f"holds a file with a name that is none: {entry.path!a}"
            yield SiteError(folder / DATA, None, "", problem, "use letters, digits, `.`, `_` and `-`")
            continue
        file = folder / entry.path
        if entry.mode == _LINK:
            yield SiteError(file, None, "", LINK, LINK_REMEDY)
        elif entry.mode not in (_FILE, _EXECUTABLE):
            yield SiteError(file, None, "", "is no file: a submodule, say", "put a file in its place")
        elif parts[-1].startswith(SETTINGS):
            continue
        elif entry.size > LARGEST_FILE:
            yield SiteError(file, None, "", "is larger than 1 MiB", "keep data files small")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(git.blob(root, entry.name))
