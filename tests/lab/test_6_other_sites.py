"""The other sample sites, of other kinds and another edition, deploy beside the first and go without a trace."""

import pytest

from components import names
from model import load_site
from tests.support.shell import Shell


@pytest.mark.parametrize("name", ["north-cormorant", "baytown"])
def test_site_comes_up_stays_as_it_is_and_goes(deployed: Shell, name: str) -> None:
    site = load_site(deployed.folder / "stacks", name)
    deployed.up(name)
    try:
        broker = deployed.get("emqx", names.BROKER, site.namespace)
        assert broker["spec"]["coreTemplate"]["spec"]["replicas"] == site.broker.replicas
        assert broker["spec"]["image"] == site.broker.image.reference(site.broker.version)
        assert deployed.outputs(name)["edition"] == site.broker.edition
        assert deployed.preview(name) == []
    finally:
        deployed.pulumi("destroy", "--yes", "--skip-preview", "--stack", name)
    assert deployed.state(name) == []
    assert not deployed.exists("namespace", site.namespace)
