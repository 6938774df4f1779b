"""A copy of the data that a test may spoil."""

from pathlib import Path

import pytest

from tests.unit.model.bad_sites import copy_of_stacks


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder, in a copy of the test's own."""
    return copy_of_stacks(tmp_path)
