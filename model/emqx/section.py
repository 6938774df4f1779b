"""What every section of EMQX's configuration is made of: declared keys, and nothing that is not declared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints

from model.units import Bytes, Duration, Rate

Edition: TypeAlias = Literal["opensource", "enterprise"]
Value: TypeAlias = "bool | int | Decimal | str | list[Value] | dict[str, Value]"

MountedFile = Annotated[str, StringConstraints(pattern=r"^/mounted/[a-z]+/[A-Za-z0-9._-]+$")]
"""A file that is mounted from a Secret or a ConfigMap."""
SecretFile = Annotated[str, StringConstraints(pattern=r"^file:///mounted/[a-z]+/[A-Za-z0-9._-]+$")]
"""A secret: EMQX reads it from a mounted file. There is no type for one that is written out."""
SecureAddress = Annotated[str, StringConstraints(pattern=r"^https://[^\s]+$")]
"""An address that is asked over TLS; there is no type for a plain one."""


@dataclass(frozen=True, slots=True)
class Key:
    """Where a key is known: in which editions, and from which EMQX version on (default: 5.8.0, both editions)."""

    editions: tuple[Edition, ...] = ("opensource", "enterprise")
    since: tuple[int, ...] = (5, 8, 0)


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A key that is set, and that this edition or version does not know."""

    path: str
    key: Key


class Section(BaseModel):
    """A struct of EMQX's configuration: frozen, no undeclared keys, no silent conversions; None is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def unsupported(
    section: Section, edition: Edition, version: tuple[int, ...], path: str = ""
) -> Iterator[Unsupported]:
    """Yield each key that is set though the edition or version does not know it."""
    for name, key, value in _set_keys(section):
        where = f"{path}.{name}" if path else name
        if edition not in key.editions or version < key.since:
            yield Unsupported(where, key)
            continue
        for inner_path, inner in _sections(value, where):
            yield from unsupported(inner, edition, version, inner_path)


def values(section: Section) -> dict[str, Value]:
    """Return the section as the plain values of its HOCON form, in the order of declaration."""
    return {name: _plain(value) for name, _, value in _set_keys(section)}


def declared(section: type[Section], path: str = "") -> dict[str, Key]:
    """Return each key that the section can have, by its path (`*` stands for a name of one's own)."""
    found: dict[str, Key] = {}
    for name, field in section.model_fields.items():
        shown = field.serialization_alias or name
        where = f"{path}.{shown}" if path else shown
        found[where] = _key(field.metadata)
        for inner_path, inner in _section_types(field.annotation, where):
            found |= declared(inner, inner_path)
    return found


def _set_keys(section: Section) -> Iterator[tuple[str, Key, Any]]:
    for name, shown, key in _keys(type(section)):
        value = getattr(section, name)
        if value is not None:
            yield shown, key, value


@cache
def _keys(section: type[Section]) -> tuple[tuple[str, str, Key], ...]:
    """Return each key of a section: the attribute's name, its name in HOCON, and where it is known."""
    return tuple(
        (name, field.serialization_alias or name, _key(field.metadata))
        for name, field in section.model_fields.items()
    )


def _key(metadata: list[Any]) -> Key:
    return next((item for item in metadata if isinstance(item, Key)), Key())


def _sections(value: object, path: str) -> Iterator[tuple[str, Section]]:
    if isinstance(value, Section):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _sections(inner, f"{path}.{name}")
    elif isinstance(value, tuple):
        for number, inner in enumerate(value):
            yield from _sections(inner, f"{path}[{number}]")


def _section_types(annotation: Any, path: str) -> Iterator[tuple[str, type[Section]]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield path, annotation
        return
    named = "dict" in str(getattr(annotation, "__origin__", ""))
    for inner in get_args(annotation):
        yield from _section_types(inner, f"{path}.*" if named else path)


def _plain(value: Any) -> Value:
    if isinstance(value, Section):
        return values(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Duration):
        return f"{value.seconds}s"
    if isinstance(value, Bytes):
        # EMQX's KB and MB are powers of 1024.
        return str(value).replace("iB", "B")
    if isinstance(value, Rate):
        return str(value)
    plain: Value = value
    return plain
