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
WORKER_TOPICS: tuple[dict[str, Any], ...] = (
    {"name": "ot", "share": "2%", "cleanup": "delete"},
    {"name": "births", "share": "1%", "cleanup": "compact"},
)
"""The Kafka topics that a site with workers has beside those of every site."""
NO_BROKER: dict[str, Any] = {"name": "broker", "remove": True}
"""The line of a site whose broker writes to Kafka no more."""
WORKER_USERS: tuple[dict[str, Any], ...] = (
    {
        "name": "worker",
        "produce": ["raw", "sparkplug", "events", "dead-letter", "audit", "metrics", "births"],
        "consume": ["births"],
        "group": "worker",
    },
    {"name": "ot-worker", "produce": ["ot"]},
)
"""The Kafka users of the workers."""
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


def with_worker(document: dict[str, Any], **said: Any) -> dict[str, Any]:
    """Return a site's document with workers to Kafka: what the site says of them, and the lines that they need.

    With `beside=True` the former way stays, and with it the broker's Kafka user.
    """
    streams = document.get("streams", {})
    gone = () if said.get("beside") else (NO_BROKER,)
    return document | {
        "streams": {
            **streams,
            "worker": said,
            "topics": [*streams.get("topics", ()), *WORKER_TOPICS],
            "users": [*streams.get("users", ()), *gone, *WORKER_USERS],
        }
    }


def sites_with_worker(
    folder: Path, phase: str, edition: str | None = None, *, beside: bool = False
) -> tuple[Site, ...]:
    """Return the sample sites with workers to Kafka, in a phase and an edition (default: each site's own).

    With `beside` the workers run beside the former way.
    """
    return _sites_with_worker(folder, phase, edition, beside)


def sites_with_bridge_worker(
    folder: Path, phase: str, edition: str | None = None, *, workers: bool = False, **said: Any
) -> tuple[Site, ...]:
    """Return the sample sites whose bridge is a program, as the site says it; with `workers` to Kafka, too."""
    stacks = folder / f"bridge-{phase}-{edition}-{workers}-{'-'.join(said)}"
    if stacks.exists():
        return tuple(load_site(stacks, name) for name in site_names(stacks))
    shutil.copytree(STACKS, stacks)
    for file in sorted((stacks / "sites").glob("*.yaml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        _put(document, phase, edition)
        document = with_worker(document) if workers else document
        document["incumbent"] = document["incumbent"] | {"bridge_worker": said}
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return tuple(load_site(stacks, name) for name in site_names(stacks))


@cache
def _sites_with_worker(folder: Path, phase: str, edition: str | None, beside: bool) -> tuple[Site, ...]:
    stacks = folder / f"worker-{phase}-{edition}-{beside}"
    shutil.copytree(STACKS, stacks)
    said = {"beside": True} if beside else {}
    for file in sorted((stacks / "sites").glob("*.yaml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        _put(document, phase, edition)
        file.write_text(yaml.safe_dump(with_worker(document, **said), sort_keys=False), encoding="utf-8")
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
