"""A site goes from pilot through parallel to cutover and back: previews take nothing away, and neither does `up`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from components import names
from model import Site
from tests.support import servers
from tests.support.shell import Shell

WAY = ("parallel", "cutover", "parallel", "pilot")


@pytest.fixture
def site_file(stacks: Path, site: Site) -> Iterator[Path]:
    """The site's file in the copied program; put back afterwards."""
    file = stacks / "sites" / f"{site.name}.yaml"
    kept = file.read_text()
    yield file
    file.write_text(kept)


def test_no_phase_change_replaces_or_deletes_anything(deployed: Shell, site: Site, site_file: Path) -> None:
    before = identities(deployed, site)
    for phase in WAY:
        text, count = re.subn(r"(?m)^phase: .*$", f"phase: {phase}", site_file.read_text())
        assert count == 1
        site_file.write_text(text)
        steps = deployed.preview(site.name)
        assert {step.operation for step in steps} == {"update"}, (phase, steps)
        deployed.up(site.name)
        assert deployed.outputs(site.name)["phase"] == phase
        assert deployed.preview(site.name) == []
        assert identities(deployed, site) == before, phase


def test_a_phase_change_does_not_restart_a_pod(deployed: Shell, site: Site, site_file: Path) -> None:
    broker = deployed.get("emqx", names.BROKER, site.namespace)
    pods = [entry["metadata"]["uid"] for entry in deployed.all("pods", site.namespace)]
    site_file.write_text(re.sub(r"(?m)^phase: .*$", "phase: parallel", site_file.read_text()))
    deployed.up(site.name)
    after = deployed.get("emqx", names.BROKER, site.namespace)
    assert after["metadata"]["labels"]["iot-broker/phase"] == "parallel"
    assert after["spec"]["coreTemplate"] == broker["spec"]["coreTemplate"]
    assert [entry["metadata"]["uid"] for entry in deployed.all("pods", site.namespace)] == pods
    site_file.write_text(re.sub(r"(?m)^phase: .*$", "phase: pilot", site_file.read_text()))
    deployed.up(site.name)


def identities(deployed: Shell, site: Site) -> dict[str, str]:
    """Return what a server made up for each thing that must outlive every phase: it changes when the thing is new."""
    found = {"realm": servers.keycloak(deployed).get(f"/{site.name}")["id"]}
    vault = servers.vault(deployed)
    for authority in ("root", "issuing"):
        keys = vault.get(f"/pki-{site.name}-{authority}/config/issuers")["data"]
        found[f"{authority} CA"] = keys["default"]
    for kind, namespace in (("emqx", site.namespace), ("kafkatopics", None), ("kafkausers", None)):
        for entry in deployed.all(kind, namespace or site.streams.cluster.namespace):
            found[f"{kind} {entry['metadata']['name']}"] = entry["metadata"]["uid"]
    for entry in deployed.all("persistentvolumeclaims", site.namespace):
        found[f"claim {entry['metadata']['name']}"] = entry["metadata"]["uid"]
    return found
