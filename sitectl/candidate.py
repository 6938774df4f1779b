"""Checks data as it would be after a change, in a copy: what is not right is never written."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from model.errors import SiteError
from model.promotion import Judge


def mistakes(stacks: Path, site: str, files: Mapping[Path, str], judge: Judge) -> tuple[SiteError, ...]:
    """Return every mistake that one site and the data around it would have with these files in place.

    `files` are texts by path relative to the data folder; the mistakes name the paths that the files would have.
    """
    from model.estate import load_estate

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "stacks"
        shutil.copytree(stacks, copy, symlinks=True, ignore=shutil.ignore_patterns("Pulumi.*"))
        for path, text in files.items():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_text(text, encoding="utf-8")
        errors = load_estate(copy, [site], judge).errors
        return tuple(replace(error, file=stacks / error.file.relative_to(copy)) for error in errors)
