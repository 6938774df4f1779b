"""Writes Vault's policy language: which paths, and what may be done there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Capability = Literal["create", "read", "update", "delete", "list"]


@dataclass(frozen=True)
class Grant:
    """What may be done at a path (`+` stands for one segment, a final `*` for any rest)."""

    path: str
    capabilities: tuple[Capability, ...]


def render(grants: Sequence[Grant]) -> str:
    """Return the policy's text."""
    return "".join(
        f"path {_text(grant.path)} {{\n  capabilities = [{_list(grant.capabilities)}]\n}}\n"
        for grant in grants
    )


def _list(words: Sequence[str]) -> str:
    return ", ".join(_text(word) for word in words)


def _text(text: str) -> str:
    """Return a text in quotes; nothing escapes what would begin an expression of HCL's or a template of Vault's."""
    if any(sign in text for sign in ("${", "{{", "}}")) or not text.isprintable():
        raise ValueError(f"{text!r} cannot be written in Vault's policy language")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
