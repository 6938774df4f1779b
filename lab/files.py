"""Writes the lab's own files: secrets readable by their owner alone, contents complete or absent."""

import contextlib
import os
import secrets
from pathlib import Path

PRIVATE = 0o600


def write(file: Path, content: str | bytes, mode: int = PRIVATE) -> Path:
    """Write `content` so that the file appears at once and whole, with `mode` from its first moment on."""
    _draft(file, content, mode).replace(file)
    return file


def write_if_changed(file: Path, content: str, mode: int = PRIVATE) -> Path:
    """Write `content` unless the file already holds exactly that."""
    if not file.exists() or file.read_text() != content:
        write(file, content, mode)
    return file


def write_once(file: Path, content: str) -> str:
    """Return what the file holds, which is `content` if it did not exist; of several writers one wins for all."""
    if not file.exists():
        draft = _draft(file, content, PRIVATE)
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    return file.read_text()


def secret(file: Path, size: int = 24) -> str:
    """Return the secret kept in `file`, made of `size` random bytes (URL-safe base64) when there is none yet."""
    return write_once(file, secrets.token_urlsafe(size))


def _draft(file: Path, content: str | bytes, mode: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: several threads may write the same file.
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    data = content.encode() if isinstance(content, str) else content
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(data)
    return draft
