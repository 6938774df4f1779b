"""A checkout by whose protected branch promotions are judged."""

from pathlib import Path

import pytest

from components import protected
from tests.support.repository import Repository, repository


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A checkout whose protected branch has signers and approvers."""
    monkeypatch.delenv(protected.VARIABLE, raising=False)
    return repository(tmp_path / "program")
