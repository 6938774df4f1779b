"""Each sample site, composed once with no server at hand."""

from pathlib import Path

import pytest

from components.recording import OFFLINE, Composition
from components.settings import Settings
from model import Site, load_site, site_names
from tests.support.composing import compose
from tests.support.variants import Variants
from tests.support.variants import variants as made_variants

STACKS = Path(__file__).parents[3] / "stacks"
_composed: dict[str, Composition] = {}


def composed(name: str) -> Composition:
    if name not in _composed:
        _composed[name] = compose(load_site(STACKS, name))
    return _composed[name]


@pytest.fixture(params=site_names(STACKS))
def composition(request: pytest.FixtureRequest) -> Composition:
    """Each sample site."""
    return composed(request.param)


@pytest.fixture
def eagle_ford() -> Composition:
    """The sample site whose values the tests know."""
    return composed("eagle-ford")


@pytest.fixture
def settings() -> Settings:
    return OFFLINE


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """The sample sites in any phase and edition."""
    folder = tmp_path_factory.mktemp("variants")

    def find(phase: str, edition: str | None = None) -> tuple[Site, ...]:
        return made_variants(folder, phase, edition)

    return find
