"""Which sites a change touches: those whose merged data or records differ, or all when the program itself does."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from model import Stacks
from sitectl import git

# What every site is made of, beside its data.
PROGRAM = ("__main__.py", "Pulumi.yaml", "bootstrap", "components", "model", "policies", "rights", "uv.lock")
DATA = "stacks"


@dataclass(frozen=True)
class Affected:
    """The touched sites, why, and those of them whose phase the change moves (they come with a new record)."""

    sites: tuple[str, ...]
    why: dict[str, str]
    promoted: tuple[str, ...]


def affected(root: Path, revision: str) -> Affected:
    """Compare the checkout with a revision; raises git.GitError for one that is not here."""
    from model.promotion import read_chain

    now = Stacks(root / DATA)
    with tempfile.TemporaryDirectory() as folder:
        before = _at(root, revision, Path(folder))
        program = git.changed(root, revision, *PROGRAM)
        why: dict[str, str] = {}
        promoted = []
        for name in now.names():
            head = read_chain(root / DATA, name).head
            if head != read_chain(before.folder, name).head:
                promoted.append(name)
                why[name] = "its phase"
            elif program:
                why[name] = f"the program ({program[0]}{' and others' if len(program) > 1 else ''})"
            elif now.layers(name).site != (before.layers(name).site if name in before.names() else None):
                why[name] = "its data"
    return Affected(tuple(why), why, tuple(promoted))


def _at(root: Path, revision: str, folder: Path) -> Stacks:
    for path, text in git.files_at(root, revision, DATA).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Stacks(folder / DATA)
