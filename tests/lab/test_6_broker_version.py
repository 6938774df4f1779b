"""A broker that goes from EMQX 5.8 to a later version, and so to another API version, stays the same broker."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from components import data_move, names
from lab import hocon
from lab.operators.emqx_objects import LAST_CONFIGURATION
from model import Site, load_site
from tests.lab.test_6_other_sites import running
from tests.support.shell import Shell, Step

NAME = "north-cormorant"
VERSION = "6.0.3"
# Put into the program's copy: a broker without its former type.
WITHOUT_ALIAS = "from components import emqx_cluster\n\nemqx_cluster.OPERATOR_APIS = ()\n"


@pytest.fixture
def edited(deployed: Shell) -> Iterator[Callable[..., Site]]:
    """Change keys of the site's broker and approve the nodes that follow; the file is put back afterwards."""
    file = deployed.folder / "stacks" / "sites" / f"{NAME}.yaml"
    text = file.read_text()

    def edit(**keys: str) -> Site:
        now = text
        for key, value in keys.items():
            line = f"  {key}: {value}\n"
            now, count = re.subn(rf"^  {key}: .*\n", line, now, flags=re.MULTILINE)
            now = now if count else now.replace("broker:\n", f"broker:\n{line}", 1)
        file.write_text(now)
        site = load_site(deployed.folder / "stacks", NAME)
        digest = data_move.template_digest(site)
        file.write_text(re.sub(r'approved: "[0-9a-f]+"', f'approved: "{digest}"', now))
        return load_site(deployed.folder / "stacks", NAME)

    yield edit
    file.write_text(text)


def brokers(steps: list[Step]) -> dict[str, str]:
    """Return what happens to EMQX resources, by their type."""
    return {step.type_token: step.operation for step in steps if step.type_token.endswith(":EMQX")}


def claims(shell: Shell, site: Site) -> set[str]:
    return {claim["metadata"]["uid"] for claim in shell.all("persistentvolumeclaims", site.namespace)}


def resource(shell: Shell, site: Site, version: str = "v2") -> dict[str, Any]:
    return shell.get(f"emqxes.{version}.apps.emqx.io", names.BROKER, site.namespace)


def test_the_broker_is_updated_and_nothing_of_it_is_lost(
    deployed: Shell, edited: Callable[..., Site]
) -> None:
    with running(deployed, NAME) as site:
        before, volumes = resource(deployed, site, "v2beta1"), claims(deployed, site)
        later = edited(version=VERSION)
        # The control: this is what protection would refuse, and what a site without it would lose its broker by.
        program = deployed.folder / "__main__.py"
        text = program.read_text()
        program.write_text(text.replace("\n\ndef main()", f"\n{WITHOUT_ALIAS}\n\ndef main()", 1))
        without = brokers(deployed.preview(NAME))
        program.write_text(text)
        first, second = "kubernetes:apps.emqx.io/v2beta1:EMQX", "kubernetes:apps.emqx.io/v2:EMQX"
        assert without == {first: "delete", second: "create"}

        steps = deployed.preview(NAME)
        assert brokers(steps) == {second: "update"}
        # A changed broker is asked anew by new Jobs; nothing else comes or goes.
        assert {step.operation for step in steps if not step.type_token.endswith(":Job")} == {"update"}
        deployed.up(NAME)
        after = resource(deployed, site)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"]["image"] == later.broker.image.reference(VERSION)
        assert volumes <= claims(deployed, site)
        assert [found["type"] for found in deployed.resources(NAME) if found["type"].endswith(":EMQX")] == [
            second
        ]
        taken = after["metadata"]["annotations"][LAST_CONFIGURATION]
        assert hocon.read(taken) == hocon.read(after["spec"]["config"]["data"])
        assert deployed.preview(NAME) == []

        edited(version=VERSION, dashboard_port="18085")
        refused = deployed.pulumi("preview", "--stack", NAME, check=False)
        assert refused.code != 0
        assert "broker.dashboard_port is 18085, and 18084 is deployed" in refused.text
        assert "Traceback" not in refused.text
        edited(version=VERSION)
