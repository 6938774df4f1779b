"""What a program can say of a resource, by the installed SDK, and what it left unsaid."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any

import pulumi_keycloak
import pulumi_vault
from pulumi import _types

from components.recording import Composition

PACKAGES = (pulumi_vault, pulumi_keycloak)


@cache
def arguments() -> Mapping[str, type]:
    """Return the arguments' class of every resource type of the two SDKs, by the type's token."""
    found: dict[str, type] = {}
    for module in _modules():
        for name, kind in vars(module).items():
            token = getattr(kind, "pulumi_type", None)
            taken = getattr(module, f"{name}Args", None)
            if inspect.isclass(kind) and isinstance(token, str) and taken is not None:
                found[token] = taken
    return found


def unwritten(composition: Composition) -> dict[str, set[str]]:
    """Return, by type, each input that some resource of it leaves unsaid; a nested one as `block.input`."""
    left: dict[str, set[str]] = {}
    for made in composition.objects:
        taken = arguments().get(made.type)
        if taken is not None:
            left.setdefault(made.type, set()).update(_unsaid(taken, made.inputs))
    return left


def _unsaid(taken: type, said: Mapping[str, Any], above: str = "") -> Iterator[str]:
    nested = _types.input_type_types(taken)
    for name in _types.input_type_py_to_pulumi_names(taken).values():
        value = said.get(name)
        if value is None:
            yield above + name
        elif isinstance(value, Mapping) and (block := _block(nested.get(name))) is not None:
            yield from _unsaid(block, value, f"{above}{name}.")


def _block(annotated: Any) -> type | None:
    """Return the class of a nested block's arguments, None for texts, numbers, lists and maps."""
    found = _types.unwrap_type(annotated) if annotated is not None else None
    return found if inspect.isclass(found) and _types.is_input_type(found) else None


def _modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.ispkg and "pulumi-plugin" not in found.name:
                yield importlib.import_module(found.name)
