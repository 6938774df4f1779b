"""Each sample site in each phase is what its inventory says: how many of what, key values, and outputs.

`make inventory` writes the inventories anew; their diff is read.
"""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.recording import Composition
from model import load_site, site_names
from tests.support.composing import compose, compose_bootstrap
from tests.support.variants import PHASES, STACKS, Variants, sites_with_worker

INVENTORY = Path(__file__).parent / "inventory"
WITH_WORKERS = "eagle-ford-worker"


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", site_names(STACKS))
def test_a_site_is_what_its_inventory_says(name: str, phase: str, variants: Variants) -> None:
    site = next(site for site in variants(phase) if site.name == name)
    found = inventory(compose(site))
    file = INVENTORY / f"{name}-{phase}.yaml"
    if os.environ.get("UPDATE_INVENTORY"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(found, width=110), encoding="utf-8")
    assert found == yaml.safe_load(file.read_text(encoding="utf-8"))


def test_a_site_with_workers_is_what_its_inventory_says(tmp_path: Path) -> None:
    """Eagle Ford, with workers that carry messages to Kafka in place of the Kafka bridge."""
    site = next(site for site in sites_with_worker(tmp_path, "pilot") if site.name == "eagle-ford")
    composition = compose(site)
    found = inventory(composition) | {
        "workers": {
            made.metadata["name"]: {
                "replicas": int(made.spec["replicas"]),
                "requests": made.spec["template"]["spec"]["containers"][0]["resources"]["requests"],
            }
            for made in sorted(composition.of("StatefulSet"), key=lambda made: str(made.metadata["name"]))
        }
    }
    file = INVENTORY / f"{WITH_WORKERS}.yaml"
    if os.environ.get("UPDATE_INVENTORY"):
        file.write_text(yaml.safe_dump(found, width=110), encoding="utf-8")
    assert found == yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", site_names(STACKS))
def test_a_bootstrap_is_what_its_inventory_says(name: str) -> None:
    found = bootstrap_inventory(compose_bootstrap(load_site(STACKS, name)))
    file = INVENTORY / f"{name}-bootstrap.yaml"
    if os.environ.get("UPDATE_INVENTORY"):
        file.write_text(yaml.safe_dump(found, width=110), encoding="utf-8")
    assert found == yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", site_names(STACKS))
def test_a_phase_changes_nothing_of_a_bootstrap(name: str, phase: str, variants: Variants) -> None:
    """A change of phase is the deployer's alone: Vault's administrator need not be asked for it."""
    site = next(site for site in variants(phase) if site.name == name)
    assert bootstrap_inventory(compose_bootstrap(site)) == bootstrap_inventory(
        compose_bootstrap(load_site(STACKS, name))
    )


def test_each_inventory_is_of_a_site_and_a_phase_or_its_bootstrap() -> None:
    wanted = {f"{name}-{phase}" for name in site_names(STACKS) for phase in (*PHASES, "bootstrap")}
    assert {WITH_WORKERS, *wanted} == {file.stem for file in INVENTORY.glob("*.yaml")}


def inventory(composition: Composition) -> dict[str, Any]:
    """The part of a composition that a reviewer should see change."""
    broker = composition.one("EMQX").spec
    nodes = broker["coreTemplate"]["spec"]
    return {
        "counts": dict(sorted(Counter(made.type for made in composition.objects).items())),
        "broker": {
            "image": broker["image"],
            "replicas": int(nodes["replicas"]),
            "requests": nodes["resources"]["requests"],
            "storage": nodes["volumeClaimTemplates"]["resources"]["requests"]["storage"],
        },
        "topics": {
            made.metadata["name"]: {
                "partitions": int(made.spec["partitions"]),
                "replicas": int(made.spec["replicas"]),
            }
            for made in sorted(composition.of("KafkaTopic"), key=lambda made: str(made.metadata["name"]))
        },
        "outputs": {
            key: value for key, value in composition.outputs.items() if key != "certificateAuthorities"
        },
    }


def bootstrap_inventory(composition: Composition) -> dict[str, Any]:
    """Which login of a bootstrap gives which policy, and what each policy is for in full: a reviewer reads its diff."""
    return {
        "counts": dict(sorted(Counter(made.type for made in composition.objects).items())),
        "logins": {
            f"auth/{made.inputs['backend']}/role/{made.inputs['roleName']}": list(
                made.inputs["tokenPolicies"]
            )
            for made in composition.of("AuthBackendRole")
        },
        "policies": {
            made.inputs["name"]: sorted(re.findall(r'^path "([^"]+)"', made.inputs["policy"], re.MULTILINE))
            for made in composition.of("Policy")
        },
    }
