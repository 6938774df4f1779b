"""Tests that start real programs: promtool, OPA, git and others of the lab's tools, and `sitectl` as a process.

What they look at is composed as for the unit tests (`tests/unit/`), which start no program.
"""

from tests.unit.components.conftest import composition, eagle_ford
from tests.unit.conftest import pytest_collection_finish, variants, with_bridge_worker, with_workers

__all__ = [
    "composition",
    "eagle_ford",
    "pytest_collection_finish",
    "variants",
    "with_bridge_worker",
    "with_workers",
]
