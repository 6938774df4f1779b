"""The brokers at the site's door and for the one that is replaced, and who signed in; each file of tests its own."""

from collections.abc import Iterator

import pytest

from lab.estate import Estate
from model import Site
from tests.support import servers
from tests.support.bridge_bench import Bench, Renderings, ends
from tests.support.bridge_node import Ends
from tests.support.front import Front, front_of
from tests.support.incumbent import Incumbent, in_service
from tests.support.shell import Shell
from tests.support.watch import Watch


@pytest.fixture(scope="module")
def front(
    deployed: Shell, site: Site, estate: Estate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    """The open door of the deployed site."""
    with front_of(deployed, site, estate, tmp_path_factory.mktemp("front")) as made:
        yield made


@pytest.fixture(scope="module")
def token(deployed: Shell, site: Site) -> Iterator[str]:
    """The access token of a person who signed in, `operator-1`."""
    with servers.signed_in(deployed, site, "operator-1") as access:
        yield access


@pytest.fixture(scope="module")
def incumbent(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incumbent]:
    """The broker that the site replaces, in service."""
    with in_service(site, tmp_path_factory.mktemp("incumbent")) as made:
        yield made


@pytest.fixture(scope="session")
def renderings(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Renderings:
    """The site's broker configurations."""
    return Renderings(site.name, tmp_path_factory.mktemp("variants"), {})


@pytest.fixture(scope="module")
def bridge_ends(
    site: Site, front: Front, incumbent: Incumbent, tmp_path_factory: pytest.TempPathFactory
) -> Ends:
    """Where the bridge of a node leads."""
    return ends(site, front, incumbent, tmp_path_factory.mktemp("mounted"))


@pytest.fixture
def bench(
    site: Site, front: Front, incumbent: Incumbent, renderings: Renderings, bridge_ends: Ends
) -> Iterator[Bench]:
    """Both brokers, with somebody at each who sees what is published during the test."""
    with front.rules("watch") as here, incumbent.client("watch") as there:
        watches = Watch(here).begin(), Watch(there).begin()
        yield Bench(site, front, incumbent, renderings, bridge_ends, *watches)


@pytest.fixture
def people(deployed: Shell, site: Site) -> Iterator[list[str]]:
    """Names of people that a test makes in the realm; they are removed at its end."""
    made: list[str] = []
    yield made
    admin = servers.keycloak(deployed)
    for name in made:
        for found in admin.get(f"/{site.name}/users?exact=true&username={name}"):
            assert admin.ask("DELETE", f"/{site.name}/users/{found['id']}").status == 204
