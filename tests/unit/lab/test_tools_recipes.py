"""What recipes refuse, and what people see while they run."""

import hashlib
import io
import threading
from pathlib import Path

import pytest

from lab.tools import golang, vault_sdk
from lab.tools.bench import Bench
from lab.tools.errors import ChecksumError, NoGoError
from lab.tools.terminal import Plain, shown

ORIGINAL = "func(context.Context, *logical.Request, string) error"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench("vault", "v1", tmp_path, tmp_path, tmp_path / "log", print, threading.Event())


def fake_go(folder: Path, version: str) -> str:
    program = folder / "go"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_a_compiler_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_go(tmp_path, "go1.25.9"))
    with pytest.raises(NoGoError, match=r"Go 1\.25\.9 is installed, .* need Go 1\.26\.7 or later"):
        golang.check_compiler("1.26.7")


@pytest.mark.parametrize("version", ["go1.26.7", "go1.26.10", "go1.27rc1"])
def test_a_compiler_that_is_new_enough_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv("PATH", fake_go(tmp_path, version))
    golang.check_compiler("1.26.7")


def test_a_missing_compiler_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoGoError, match="no `go` is on PATH"):
        golang.check_compiler("1.26.0")


def releases(folder: Path, edited: str) -> dict[str, Path]:
    """Make two releases of the SDK in which only what the build touches has any content."""
    made = {}
    for version in ("v0.21.0", "v0.24.0"):
        for file, text in (("helper/keysutil/lock_manager.go", version), ("framework/backend.go", edited)):
            (folder / version / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / version / file).write_text(text)
        made[version] = folder / version
    return made


def pins_for(before: str) -> str:
    after = before.replace(ORIGINAL, ORIGINAL.replace(", string", ""))
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in ("v0.24.0", before, after)]
    return f"""
base = {{ version = "v0.21.0", checksum = "h1:x" }}
donor = {{ version = "v0.24.0", checksum = "h1:y" }}
taken = {{ file = "helper/keysutil/lock_manager.go", after = "{hashes[0]}" }}
[edited]
file = "framework/backend.go"
before = "{hashes[1]}"
after = "{hashes[2]}"
text = "{ORIGINAL}"
replacement = "{ORIGINAL.replace(", string", "")}"
"""


def prepare(monkeypatch: pytest.MonkeyPatch, folder: Path, *, pinned: str, served: str) -> Path:
    made = releases(folder, served)
    (folder / "sdk.toml").write_text(pins_for(pinned))
    monkeypatch.setattr(vault_sdk, "PINS", folder / "sdk.toml")
    monkeypatch.setattr(golang, "unpack", lambda _bench, _module, version, _checksum: made[version])
    return folder / "sdk"


def test_the_sdk_is_made_of_its_two_releases(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = prepare(monkeypatch, tmp_path, pinned=ORIGINAL, served=ORIGINAL)
    vault_sdk.make(bench, sdk)
    assert (sdk / "helper/keysutil/lock_manager.go").read_text() == "v0.24.0"
    assert "string" not in (sdk / "framework/backend.go").read_text()


def test_an_sdk_that_is_not_the_one_that_was_tried_is_refused(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = prepare(monkeypatch, tmp_path, pinned=ORIGINAL, served=f"{ORIGINAL} // changed")
    with pytest.raises(ChecksumError, match=r"backend\.go is not what is pinned"):
        vault_sdk.make(bench, sdk)


def test_plain_progress_says_when_a_task_begins_and_ends_but_not_every_step() -> None:
    stream = io.StringIO()
    progress = Plain(stream)
    progress.begin("vault")
    progress.step("vault", "compiling, 1 packages")
    progress.step("vault", "compiling, 2 packages")
    progress.end("vault", 1.25)
    assert stream.getvalue() == "… vault\n… vault: compiling, 1 packages\n✓ vault (1.2 s)\n"


def test_a_pipe_gets_plain_lines() -> None:
    with shown(io.StringIO()) as progress:
        assert isinstance(progress, Plain)
