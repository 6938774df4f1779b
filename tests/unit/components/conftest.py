"""Each sample site, composed once with no server at hand."""

from pathlib import Path

import pytest

from components.recording import OFFLINE, Composition
from components.settings import Settings
from model import load_site, site_names
from tests.support.composing import compose

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
