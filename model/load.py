"""Finds a site's layers, reads each once, merges them and validates the whole."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from model.check import check, locate
from model.document import Document, read_document
from model.errors import SiteError, SiteErrors
from model.links import links
from model.merge import merge_all, settle
from model.nodes import Mapping, Scalar, Step, trail, written
from model.rollout import Phase
from model.rules import Finding, findings
from model.site import Kind, Site
from model.words import did_you_mean, listed, quoted

# What may be the name of a site's file, so that a message may name the file.
_FILE_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")

# Which files alone may set a key; everything else may be set in any layer.
BELONGS: dict[tuple[Step, ...], str] = {
    ("limits",): "phases",
    ("name",): "sites",
    ("title",): "sites",
    ("kind",): "sites",
    ("phase",): "sites",
    ("domain",): "sites",
    ("assets",): "sites",
    ("scope",): "sites",
    ("started",): "sites",
    ("owners",): "sites",
    ("network",): "sites",
    ("incumbent", "product"): "sites",
    ("incumbent", "address"): "sites",
    ("incumbent", "licence_ends"): "sites",
    ("incumbent", "licence_cost"): "sites",
    ("retention", "cold"): "sites",
    ("retention", "relied_on"): "sites",
    ("broker", "edition"): "sites",
    ("broker", "version"): "sites",
    ("broker", "licence"): "sites",
    ("broker", "storage", "approved"): "sites",
    ("gives_up",): "sites",
    ("pki", "root", "approved"): "sites",
    ("pki", "issuing", "approved"): "sites",
}


@dataclass(frozen=True, slots=True)
class Layers:
    """A site's files, the lowest first, and every mistake in them and between them."""

    documents: tuple[Document, ...]
    site: Site | None
    errors: tuple[SiteError, ...]

    @property
    def tree(self) -> Mapping | None:
        """The merge of what could be read, with removals still in it; None when nothing could be read."""
        roots = [document.root for document in self.documents if document.root is not None]
        return merge_all(roots) if roots else None


class Stacks:
    """The data folder; each file is read and checked once, however many sites share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: tuple[str, ...] | None = None
        self._linked: tuple[SiteError, ...] | None = None
        self._read: dict[Path, tuple[Document, tuple[SiteError, ...]]] = {}

    def names(self) -> tuple[str, ...]:
        """Return the names of all sites, sorted."""
        if self._names is None:
            self._names = tuple(sorted(path.stem for path in (self.folder / "sites").glob("*.yaml")))
        return self._names

    def layers(self, name: str) -> Layers:
        """Read, merge and validate one site; never raises for what is in the data.

        Where there is a link in the data folder, nothing is read.
        """
        if self._linked is None:
            self._linked = tuple(links(self.folder))
        if self._linked:
            return Layers((), None, self._linked)
        file = self.folder / "sites" / f"{name}.yaml"
        if name not in self.names():
            return Layers((), None, (self._no_site(name),))
        kind, kind_errors = self._choice(file, "kind", get_args(Kind))
        phase, phase_errors = self._choice(file, "phase", get_args(Phase))
        files = [
            self.folder / "defaults.yaml",
            *([self.folder / "profiles" / f"{kind}.yaml"] if kind else []),
            *([self.folder / "phases" / f"{phase}.yaml"] if phase else []),
            file,
        ]
        documents = tuple(self.document(layer) for layer in files)
        own = [error for layer in files for error in self.errors_in(layer)]
        complete = kind is not None and phase is not None and all(document.root for document in documents)
        site, invalid, impossible = _merged(documents, file, name, complete=complete)
        errors = [*_without_repetition([*own, *kind_errors, *phase_errors, *invalid]), *impossible]
        order = {layer: index for index, layer in enumerate(files)}
        errors.sort(key=lambda error: (order.get(error.file, -1), error.line or 0))
        return Layers(documents, None if errors else site, tuple(errors))

    def _no_site(self, name: str) -> SiteError:
        """Word that there is no site of this name: it came from a command, so that no file is to be mended."""
        file = self.folder / "sites"
        if _FILE_NAME.fullmatch(name):
            file /= f"{name}.yaml"
        remedy = did_you_mean(name, self.names(), "write the first one: `sitectl new SITE`")
        return SiteError(file, None, "", f"there is no site {quoted(name)}", remedy)

    def document(self, file: Path) -> Document:
        """Return the file's tree."""
        return self._entry(file)[0]

    def errors_in(self, file: Path) -> tuple[SiteError, ...]:
        """Return the mistakes of one file by itself, also where another layer would cover them."""
        return self._entry(file)[1]

    def shared_files(self) -> tuple[Path, ...]:
        """Return the files that sites share: defaults, profiles and phases."""
        profiles, phases = (sorted((self.folder / part).glob("*.yaml")) for part in ("profiles", "phases"))
        return (self.folder / "defaults.yaml", *profiles, *phases)

    def _entry(self, file: Path) -> tuple[Document, tuple[SiteError, ...]]:
        if file not in self._read:
            document = read_document(file)
            errors = document.errors
            if document.root is not None:
                found = check(settle(document.root), file, whole=False).errors
                errors = (*errors, *found, *_misplaced(document.root))
            self._read[file] = document, errors
        return self._read[file]

    def _choice(self, file: Path, key: str, choices: tuple[str, ...]) -> tuple[str | None, list[SiteError]]:
        root = self.document(file).root
        node = root.entries.get(key) if root is not None else None
        if isinstance(node, Scalar) and node.value in choices:
            return str(node.value), []
        empty = isinstance(node, Scalar) and node.value is None
        if root is None or not (node is None or empty):
            return None, []  # the wrong value, or the broken file, is reported where it is
        line = node.origin.line if node is not None else None
        return None, [SiteError(file, line, key, "is missing", f"add `{key}: …`, {listed(choices)}")]


def load_site(stacks: Path, name: str) -> Site:
    """Load one site from the data folder; raises SiteErrors with every mistake in its layers, or every link."""
    layers = Stacks(stacks).layers(name)
    if layers.site is None:
        raise SiteErrors(layers.errors)
    return layers.site


def site_names(stacks: Path) -> tuple[str, ...]:
    """Return the names of all sites in the data folder, sorted."""
    return Stacks(stacks).names()


def _merged(
    documents: Iterable[Document], home: Path, name: str, *, complete: bool
) -> tuple[Site | None, tuple[SiteError, ...], list[SiteError]]:
    """Validate the merge: the site, where its values are wrong, and where they do not go together."""
    roots = [document.root for document in documents if document.root is not None]
    if not roots:
        return None, (), []
    tree = settle(merge_all(roots))
    checked = check(tree, home, whole=complete)
    if not complete:
        return None, checked.errors, []
    impossible = [
        *findings(checked.parts, checked.partial),
        *_misnamed(checked.parts.get("name", name), name),
    ]
    return checked.site, checked.errors, [_placed(tree, found) for found in impossible]


def _misnamed(stated: object, name: str) -> Iterator[Finding]:
    if stated != name:
        problem = f"{quoted(stated)} is not the name of the file"
        yield Finding(("name",), problem, f"write {quoted(name)}, or rename the file")


def _placed(tree: Mapping, found: Finding) -> SiteError:
    origin = locate(tree, found.key)
    return SiteError(origin.file, origin.line, written(found.key), found.problem, found.remedy)


def _misplaced(root: Mapping) -> Iterator[SiteError]:
    for path, folder in BELONGS.items():
        nodes = trail(root, path)
        place = nodes[-1].origin
        if len(nodes) > len(path) and place.file.parent.name != folder:
            problem = f"is set here, and only files under `{folder}/` may set it"
            yield SiteError(place.file, place.line, written(path), problem, f"move it to `{folder}/`")


def _without_repetition(errors: Iterable[SiteError]) -> Iterable[SiteError]:
    """Keep the first error for each file, line and key."""
    first: dict[tuple[Path, int | None, str], SiteError] = {}
    for error in errors:
        first.setdefault((error.file, error.line, error.key), error)
    return first.values()
