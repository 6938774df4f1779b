"""The sample sites in other phases and editions, for every test of a process."""

import pytest

from model import Site
from tests.support.variants import Variants
from tests.support.variants import variants as made_variants


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """The sample sites in any phase and edition."""
    folder = tmp_path_factory.mktemp("variants")

    def find(phase: str, edition: str | None = None) -> tuple[Site, ...]:
        return made_variants(folder, phase, edition)

    return find
