"""Compares the sites' data with those of a revision: what a server keeps is not lost by one word."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from model import Site, Stacks
from model.check import locate
from model.errors import SiteError
from model.nodes import written
from sitectl import git

# All that a site is merged from.
LAYERS = ("stacks/defaults.yaml", "stacks/profiles", "stacks/phases", "stacks/sites")


@dataclass(frozen=True)
class Since:
    """What the data would lose since a revision, and which sites could not be compared."""

    errors: tuple[SiteError, ...]
    warnings: tuple[tuple[str, str], ...]
    """Site and words."""


def since(root: Path, revision: str, sites: tuple[Site, ...], stacks: Path) -> Since:
    """Compare sites, whose data are in `stacks`, with a revision's data in the checkout `root`; raises git.GitError."""
    from components.kept import given_up

    errors: list[SiteError] = []
    warnings: list[tuple[str, str]] = []
    now = Stacks(stacks)
    with tempfile.TemporaryDirectory() as folder:
        before = _at(root, revision, Path(folder))
        known = set(before.names())
        for site in sites:
            if site.name not in known:
                continue
            earlier = before.layers(site.name).site
            if earlier is None:
                warnings.append(
                    (
                        site.name,
                        f"what {_short(revision)} says of it is not read by this version: "
                        "what a change would lose was not looked at",
                    )
                )
                continue
            for lost in given_up(earlier, site):
                tree = now.layers(site.name).tree
                assert tree is not None  # noqa: S101 - the site was made from it
                origin = locate(tree, lost.key)
                key = written(lost.key)
                errors.append(SiteError(origin.file, origin.line, key, lost.problem, lost.remedy))
        for name in sorted(known - set(now.names())):
            warnings.append(
                (
                    name,
                    f"its file is gone since {_short(revision)}: its stack stays, and no data "
                    "describe it; `pulumi destroy` it first",
                )
            )
    return Since(tuple(errors), tuple(warnings))


def _at(root: Path, revision: str, folder: Path) -> Stacks:
    for layer in LAYERS:
        for path, text in git.files_at(root, revision, layer).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return Stacks(folder / "stacks")


def _short(revision: str) -> str:
    return revision[:12] if len(revision) == 40 else revision
