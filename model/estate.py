"""What must hold between sites, and in the files that they share."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model import contracts
from model.check import locate
from model.errors import SiteError
from model.links import links
from model.load import Layers, Stacks
from model.promotion.branch import Judge
from model.promotion.chain import Chain, mistakes_with, read_chain
from model.promotion.files import report_mistakes, shared_mistakes
from model.site import Site
from model.words import quoted


@dataclass(frozen=True, slots=True)
class Estate:
    """All the sites that could be loaded, and every mistake in the data folder."""

    sites: tuple[Site, ...]
    errors: tuple[SiteError, ...]
    chains: Mapping[str, Chain] = field(default_factory=dict)
    """By site's name: what has happened to its phase."""


def load_estate(folder: Path, names: Iterable[str] = (), judge: Judge | None = None) -> Estate:
    """Load the named sites, or all of them; then also shared files that no site uses, and strays, are checked.

    `judge` is by what promotions are judged; without it, by the folder alone and at no time.
    """
    if linked := tuple(links(folder)):
        return Estate((), linked)
    stacks, chosen = Stacks(folder), tuple(names)
    loaded = {name: stacks.layers(name) for name in chosen or stacks.names()}
    errors = [error for layers in loaded.values() for error in layers.errors]
    agreed = contracts.read_contracts(folder)
    if not chosen:
        errors += [error for file in stacks.shared_files() for error in stacks.errors_in(file)]
        errors += _strays(stacks)
        errors += shared_mistakes(folder, stacks.names())
        errors += contracts.shared_mistakes(folder, agreed)
    # A name that is no site's has no records: it may be any text, `..` as well.
    there = {name: layers for name, layers in loaded.items() if name in stacks.names()}
    chains = {name: read_chain(folder, name, judge) for name in there}
    for name, layers in there.items():
        errors += chains[name].errors
        errors += mistakes_with(folder, layers.site, chains[name]) if layers.site else ()
        errors += contracts.mistakes_with(agreed, layers.site) if layers.site else ()
        errors += report_mistakes(folder, name, judge)
    others = {name: stacks.layers(name) for name in stacks.names() if name not in loaded}
    errors += _shared_domains({**loaded, **others}, loaded)
    errors += _shared_topic_spaces({**loaded, **others}, loaded)
    sites = tuple(layers.site for layers in loaded.values() if layers.site is not None)
    return Estate(sites, tuple(dict.fromkeys(errors)), chains)


def _strays(stacks: Stacks) -> Iterator[SiteError]:
    folders = (stacks.folder / part for part in ("profiles", "phases", "sites"))
    for file in (file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir())):
        if file.suffix != ".yaml" and not file.name.startswith("."):
            yield SiteError(file, None, "", "is not read: only `.yaml` files are", "rename or remove it")
    if not stacks.names():
        yield SiteError(stacks.folder / "sites", None, "", "holds no site", "add `sites/<site>.yaml`")


def _shared_domains(all_layers: dict[str, Layers], chosen: Iterable[str]) -> Iterator[SiteError]:
    owners: dict[str, list[str]] = {}
    for name, layers in all_layers.items():
        if layers.site is not None:
            owners.setdefault(layers.site.domain, []).append(name)
    for name in chosen:
        layers = all_layers[name]
        others = owners[layers.site.domain] if layers.site is not None else []
        if len(others) > 1 and layers.tree is not None and layers.site is not None:
            origin = locate(layers.tree, ("domain",))
            rest = ", ".join(other for other in others if other != name)
            problem = f"{quoted(layers.site.domain)} is also the domain of {rest}"
            yield SiteError(origin.file, origin.line, "domain", problem, "give each site a domain of its own")


def _shared_topic_spaces(all_layers: dict[str, Layers], chosen: Iterable[str]) -> Iterator[SiteError]:
    """Yield the assets whose topics are, or lie within, those of another site's asset."""
    owners: dict[str, list[str]] = {}
    for name, layers in all_layers.items():
        for space in layers.site.topic_spaces.values() if layers.site is not None else ():
            owners.setdefault(space, []).append(name)
    for name in chosen:
        site, tree = all_layers[name].site, all_layers[name].tree
        if site is None or tree is None:
            continue
        for asset, space in site.topic_spaces.items():
            for above in _levels(space):
                rest = ", ".join(other for other in owners.get(above, ()) if other != name)
                if rest:
                    origin = locate(tree, ("assets", asset, "topic_space"))
                    relation = "is also a topic space" if above == space else "lies within a topic space"
                    problem = f"{quoted(space)} {relation} of {rest}"
                    key = f"assets.{asset}.topic_space"
                    yield SiteError(origin.file, origin.line, key, problem, "begin it with the site's name")


def _levels(space: str) -> Iterator[str]:
    """Yield the topic space and all that it lies within."""
    levels = space.split("/")
    return ("/".join(levels[:count]) for count in range(len(levels), 0, -1))
