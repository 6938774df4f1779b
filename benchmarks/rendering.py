"""Rendering one site, and five hundred, to the times that the documentation names."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Ratio, cost
from components.rendering import rendered
from model import load_site
from tests.support.shell import REPOSITORY

SITE = "eagle-ford"
ONE_SITE = 0.5
MANY = 500
MANY_SITES = 60.0


def measure() -> list[Ratio]:
    """Return the wall time of one site after the start, and of five hundred in all, each to its limit."""
    site = load_site(REPOSITORY / "stacks", SITE)
    first = cost(lambda: rendered(site)).wall
    with tempfile.TemporaryDirectory(prefix="iot-broker-rendering-") as folder:
        many = _many(Path(folder))
    return [
        Ratio("rendering a site after start, to half a second", first, ONE_SITE, "s", goal=1),
        Ratio(f"rendering {MANY} sites, to a minute", many, MANY_SITES, "s", goal=1),
    ]


def _many(folder: Path) -> float:
    """Return the seconds that `sitectl render --all` takes for copies of the sample site."""
    (folder / "Pulumi.yaml").write_text("name: iot-broker\n", encoding="utf-8")
    stacks = folder / "stacks"
    for part in ("profiles", "phases", "contracts"):
        _copy(REPOSITORY / "stacks" / part, stacks / part)
    (stacks / "defaults.yaml").write_bytes((REPOSITORY / "stacks" / "defaults.yaml").read_bytes())
    text = (REPOSITORY / "stacks" / "sites" / f"{SITE}.yaml").read_text(encoding="utf-8")
    (stacks / "sites").mkdir()
    for number in range(MANY):
        name = f"{SITE}-{number:03d}"
        (stacks / "sites" / f"{name}.yaml").write_text(text.replace(SITE, name), encoding="utf-8")
    started = time.perf_counter()
    command = [
        sys.executable,
        "-c",
        "from sitectl.main import main; main()",
        "render",
        "--all",
        "--out",
        "out",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for file in source.glob("*.yaml"):
        (target / file.name).write_bytes(file.read_bytes())
