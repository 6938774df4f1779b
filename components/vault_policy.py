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
        f'path "{grant.path}" {{\n  capabilities = [{_quoted(grant.capabilities)}]\n}}\n' for grant in grants
    )


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
