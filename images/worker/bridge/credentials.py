"""Who the bridge is at a broker: certificate and password from files, read anew for each connection."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from images.worker.bridge.settings import End


def password(end: End) -> str | None:
    """Return the password of its file, without the line's end; None without a file. Raises OSError."""
    if end.password_file is None:
        return None
    return end.password_file.read_text(encoding="utf-8").rstrip("\r\n")


def fingerprint(files: Iterable[Path]) -> bytes:
    """Return what changes when one of the files does; one that cannot be read counts as empty."""
    digest = hashlib.sha256()
    for file in files:
        try:
            content = file.read_bytes()
        except OSError:
            content = b""
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.digest()
