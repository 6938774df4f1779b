"""In which order sites are deployed: the canary alone, then region by region."""

from collections.abc import Iterable
from pathlib import Path

from model import Site
from model.datafile import DataFile, read_file
from model.promotion.review import Waves


def waves_file(stacks: Path) -> Path:
    """Return the file that names the canary and the regions' order."""
    return stacks / "waves.yaml"


def read_waves(stacks: Path) -> DataFile[Waves]:
    """Read the canary and the regions' order."""
    return read_file(waves_file(stacks), Waves)


def waves(sites: Iterable[Site], order: Waves | None) -> list[list[str]]:
    """Return the names of sites, wave by wave; within a wave they are sorted by name."""
    left = list(sites)
    regions = list(order.regions) if order else []
    canary = [site.name for site in left if order and site.name == order.canary]
    found = [canary] if canary else []
    later = sorted({site.region for site in left} - set(regions))
    for region in (*regions, *later):
        wave = sorted(site.name for site in left if site.region == region and site.name not in canary)
        if wave:
            found.append(wave)
    return found
