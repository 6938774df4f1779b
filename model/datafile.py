"""Reads and writes the data files that are not layers of a site: records, reports, signers."""

import hashlib
import json
from collections.abc import Mapping as Facts
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import ValidationError

from model.base import Part
from model.document import read_document, reads_as_text
from model.errors import SiteError
from model.nodes import Mapping, Plain, Step, plain, trail, written
from model.wording import worded

Form = TypeVar("Form", bound=Part)
# What a signature and a content hash do not cover: themselves.
_ABOUT = ("content", "signature")


@dataclass(frozen=True, slots=True)
class DataFile(Generic[Form]):
    """A file as it was read: its value when nothing is wrong with it, its data, and every mistake in it."""

    file: Path
    value: Form | None
    data: dict[str, Plain]
    tree: Mapping | None
    errors: tuple[SiteError, ...]

    def error(self, key: tuple[Step, ...], problem: str, remedy: str) -> SiteError:
        """Word a mistake at a key of this file (or at the nearest thing above it)."""
        line = trail(self.tree, key)[-1].origin.line if self.tree is not None else None
        return SiteError(self.file, line, written(key), problem, remedy)


def read_file(file: Path, form: type[Form], content: bytes | None = None) -> DataFile[Form]:
    """Read a file of a form; never raises for what the file holds.

    `content` is what the file holds where it does not lie in the folder itself: at a commit, say.
    """
    document = read_document(file, content)
    if document.root is None:
        return DataFile(file, None, {}, None, document.errors)
    data = plain(document.root)
    assert isinstance(data, dict)  # noqa: S101 - the root is a map
    errors = list(document.errors)
    value: Form | None = None
    try:
        value = form.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        errors += [worded(detail, document.root, file, form) for detail in found]
    return DataFile(file, None if errors else value, data, document.root, tuple(errors))


def as_data(value: Part) -> dict[str, Any]:
    """Return a value as the data that its file holds: what is not said is left out."""
    return value.model_dump(mode="json", exclude_none=True)


def content_of(data: Facts[str, Any]) -> str:
    """Return `sha256:…` of the data without its own hash and signature.

    The bytes are JSON in UTF-8 with sorted keys and no spaces: comments, order of keys and style do not count.
    """
    covered = {key: value for key, value in data.items() if key not in _ABOUT}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def file_text(data: Facts[str, Any], schema: str, *heading: str) -> str:
    """Return the text of a data file; `schema` is the path of its JSON Schema, seen from the file."""
    lines = [f"# yaml-language-server: $schema={schema}", *(f"# {line}" if line else "#" for line in heading)]
    body = yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return "\n".join(lines) + "\n\n" + body


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader could take for something else."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None if reads_as_text(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
