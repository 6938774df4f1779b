"""Upstream's own definitions of custom resources, where the tools' cache has them."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.tools import tool


def definitions(project: str) -> dict[tuple[str, str], Any]:
    """Return a project's schemas by API version and kind; skips the test where they are not built."""
    return _read(tool("crds") / project)


@cache
def _read(folder: Path) -> dict[tuple[str, str], Any]:
    found = {}
    for file in sorted(folder.glob("*.yaml")):
        # The quick reader: Strimzi's definitions have 12,000 lines.
        spec = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["spec"]
        for version in spec["versions"]:
            key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
            found[key] = version["schema"]["openAPIV3Schema"]
    return found
