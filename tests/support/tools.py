"""Gives tests a tool from the cache, and says how to get it when it is not there."""

from pathlib import Path

import pytest

from lab.progress import Silent
from lab.tools import Cache, catalogue, ensure, missing


def tool(name: str) -> Path:
    """Return the folder of a tool of the lab; `make test` builds all of them before any test runs."""
    if missing([catalogue()[name]], Cache()):
        pytest.skip(f"{name} is not built: `make tools` builds it")
    return ensure([name], Silent())[name]
