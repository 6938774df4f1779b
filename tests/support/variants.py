"""Every sample site in another phase and edition than its file says."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from model import Site, load_site, site_names
from model.broker import Replicants

STACKS = Path(__file__).parents[2] / "stacks"
PHASES = ("pilot", "parallel", "cutover")
EDITIONS = ("opensource", "enterprise")
IMAGES = {"opensource": "emqx/emqx", "enterprise": "emqx/emqx-enterprise"}
Variants: TypeAlias = Callable[..., tuple[Site, ...]]


@cache
def variants(folder: Path, phase: str, edition: str | None = None) -> tuple[Site, ...]:
    """Return the sample sites in a phase, and in an edition (default: each site's own), from a copy in `folder`.

    They are read once for all who ask for the same: nothing in a site can be changed.
    """
    stacks = folder / f"{phase}-{edition}"
    shutil.copytree(STACKS, stacks)
    for file in sorted((stacks / "sites").glob("*.yaml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        _put(document, phase, edition)
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return tuple(load_site(stacks, name) for name in site_names(stacks))


def site_of_case(case: str, variants: Variants) -> Site:
    """Return Eagle Ford for a case of its rules: in its pilot, unless the name begins otherwise."""
    kind = case.partition("_")[0]
    phase = kind if kind in PHASES else "pilot"
    edition = "enterprise" if kind == "replicants" else None
    site = next(site for site in variants(phase, edition) if site.name == "eagle-ford")
    if kind != "replicants":
        return site
    replicants = {"replicants": Replicants(replicas=2, autoscaling=None)}
    return site.model_copy(update={"broker": site.broker.model_copy(update=replicants)})


def _put(document: dict[str, Any], phase: str, edition: str | None) -> None:
    if document["phase"] != phase:
        # A site's own hot retention is for its own phase.
        document.get("retention", {}).pop("hot", None)
    document["phase"] = phase
    if edition is not None:
        document["broker"] |= {"edition": edition, "version": "5.8.9"}
        document["broker"].pop("licence", None)
        if edition == "enterprise":
            document["broker"]["licence"] = {"secret": "broker-licence", "key": "emqx.lic"}
        document["broker"]["image"] = {"repository": IMAGES[edition]}
