"""What the Go command itself refuses."""

import threading
from pathlib import Path

import pytest

from lab.tools import golang
from lab.tools.bench import Bench
from lab.tools.errors import CommandFailedError


def test_a_module_that_cannot_be_had_is_an_error_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench("vault", "v1", tmp_path, tmp_path, tmp_path / "log", print, threading.Event())
    monkeypatch.setenv("GOPROXY", "off")
    with pytest.raises(CommandFailedError, match=r"example\.invalid/none@v1\.0\.0 failed"):
        golang.unpack(bench, "example.invalid/none", "v1.0.0", "h1:x")
