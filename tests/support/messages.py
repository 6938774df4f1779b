"""What users of the kit may be shown: every text in the sources of `sitectl` and the model that has words in it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
PLACEHOLDER = "…"
"""Stands for what a message is filled with."""


class Message(NamedTuple):
    """A text and where it stands."""

    place: str
    text: str


def messages(*folders: str) -> Iterator[Message]:
    """Yield the texts of all modules below the folders; click's help, which is docstrings, as well."""
    for folder in folders:
        for file in sorted((REPOSITORY / folder).rglob("*.py")):
            yield from _of(file)


def _of(file: Path) -> Iterator[Message]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(map(_is_command, node.decorator_list)):
            yield _message(file, node.lineno, ast.get_docstring(node) or "")
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))  # a docstring
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            yield _message(file, node.lineno, "".join(map(_part, node.values)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield _message(file, node.lineno, node.value)


def _is_command(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith((".command", ".group"))


def _part(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else PLACEHOLDER


def _message(file: Path, line: int, text: str) -> Message:
    return Message(f"{file.relative_to(REPOSITORY)}:{line}", text)
