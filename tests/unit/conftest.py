"""The sample sites in other phases and editions, and less work for the garbage collector, for every unit test."""

import gc

import pytest

from model import Site
from tests.support.variants import Variants
from tests.support.variants import variants as made_variants


def pytest_collection_finish() -> None:
    """Let the collector pass over what stays until the end, and look less often: it took a seventh of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """The sample sites in any phase and edition."""
    folder = tmp_path_factory.mktemp("variants")

    def find(phase: str, edition: str | None = None) -> tuple[Site, ...]:
        return made_variants(folder, phase, edition)

    return find
