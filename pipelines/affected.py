"""Which sites a change touches: those whose merged data or records differ, or all when the program itself does."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model import Stacks
from model.promotion.record import NOTHING_BEFORE
from pipelines.change import DATA, PROGRAM
from sitectl import git


@dataclass(frozen=True)
class Affected:
    """The touched sites, why, and those of them whose phase the change moves (they come with a new record).

    `heads` is the last record that each site had before.
    """

    sites: tuple[str, ...]
    why: dict[str, str]
    promoted: tuple[str, ...]
    heads: Mapping[str, str] = field(default_factory=dict)


def affected(root: Path, revision: str, stacks: Path | None = None) -> Affected:
    """Compare the checkout with a revision; raises git.GitError for one that is not here.

    `stacks` is the data that is looked at where it is not the checkout's; the program is the checkout's in any case.
    """
    from model.promotion import read_chain

    data = stacks or root / DATA
    now = Stacks(data)
    with tempfile.TemporaryDirectory() as folder:
        before = _at(root, revision, Path(folder))
        program = git.changed(root, revision, *PROGRAM)
        why: dict[str, str] = {}
        promoted = []
        heads = {name: read_chain(before.folder, name).head for name in now.names()}
        for name in now.names():
            if read_chain(data, name).head != heads.get(name, NOTHING_BEFORE):
                promoted.append(name)
                why[name] = "its phase"
            elif program:
                why[name] = f"the program ({program[0]}{' and others' if len(program) > 1 else ''})"
            elif now.layers(name).site != (before.layers(name).site if name in before.names() else None):
                why[name] = "its data"
    return Affected(tuple(why), why, tuple(promoted), heads)


def _at(root: Path, revision: str, folder: Path) -> Stacks:
    for path, text in git.files_at(root, revision, DATA).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Stacks(folder / DATA)
