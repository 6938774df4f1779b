"""Reads a site's layers, merges and validates them."""

from pathlib import Path

import yaml

from model.site import Site


def _tuples(value: object) -> object:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _merge(low: object, high: object) -> object:
    if isinstance(low, dict) and isinstance(high, dict):
        merged = low | {key: _merge(low.get(key), value) for key, value in high.items()}
        return {key: value for key, value in merged.items() if value is not None}
    if isinstance(low, list) and isinstance(high, list) and high and all(isinstance(x, dict) for x in high):
        named = {item["name"]: item for item in low}
        for item in high:
            named[item["name"]] = _merge(named.get(item["name"]), item)
        return list(named.values())
    return high


def site_names(stacks: Path) -> tuple[str, ...]:
    """Return the names of all sites, sorted."""
    return tuple(sorted(path.stem for path in (stacks / "sites").glob("*.yaml")))


def load_site(stacks: Path, name: str) -> Site:
    """Load one site; raises SiteErrors."""
    site = yaml.load((stacks / "sites" / f"{name}.yaml").read_bytes(), yaml.CSafeLoader)
    merged: object = {}
    for layer in ("defaults", f"profiles/{site['kind']}", f"phases/{site['phase']}", f"sites/{name}"):
        merged = _merge(merged, yaml.load((stacks / f"{layer}.yaml").read_bytes(), yaml.CSafeLoader))
    return Site.model_validate(_tuples(merged))
