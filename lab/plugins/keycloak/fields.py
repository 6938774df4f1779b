"""Moves values between the plugin's properties and Keycloak's JSON, as the official plugin does."""

from collections.abc import Iterable, Mapping
from typing import Any

from lab.plugins.errors import PluginError
from lab.plugins.values import UNKNOWN

Properties = Mapping[str, Any]
"""Properties of a resource by their Pulumi names; what is absent or None counts as not given."""

SEPARATOR = "##"
"""Between the values of an attribute of a role or a group that has several."""


def text(properties: Properties, name: str) -> str:
    """A text, empty when not given."""
    return str(properties.get(name) or "")


def flag(properties: Properties, name: str) -> bool:
    """A yes or no, no when not given."""
    return bool(properties.get(name))


def whole(properties: Properties, name: str) -> int:
    """A whole number, 0 when not given (Pulumi's wire knows only floating numbers)."""
    return int(properties.get(name) or 0)


def texts(properties: Properties, name: str) -> list[str]:
    """A set of texts, sorted, empty when not given."""
    return sorted(str(value) for value in properties.get(name) or ())


def block(properties: Properties, name: str) -> Properties | None:
    """A nested block without what is not decided yet, None when not given."""
    found = properties.get(name)
    if not isinstance(found, Mapping):
        return None
    return {key: value for key, value in found.items() if value is not UNKNOWN}


def members(values: Iterable[object] | None) -> list[str]:
    """A set as the plugin keeps it: sorted texts."""
    return sorted(str(value) for value in values or ())


def as_flag(value: object) -> bool:
    """Keycloak keeps the yes or no of an attribute as the text "true" or "false"."""
    return str(value).lower() == "true"


def as_attribute(value: bool) -> str:
    """The text that Keycloak keeps for a yes or no."""
    return "true" if value else "false"


def split_attributes(properties: Properties) -> dict[str, list[str]]:
    """A role's or group's attributes as Keycloak takes them: several values each."""
    return {key: str(value).split(SEPARATOR) for key, value in (properties.get("attributes") or {}).items()}


def joined_attributes(attributes: Mapping[str, list[str]] | None) -> dict[str, str]:
    """A role's or group's attributes as the plugin keeps them: one text each."""
    return {key: SEPARATOR.join(values) for key, values in (attributes or {}).items()}


class UnreadableIdError(PluginError):
    """An import's id that is not of the type's form. Attributes: identity, form."""

    def __init__(self, identity: str, form: str) -> None:
        super().__init__(f'Invalid import "{identity}". Supported import formats: {form}')
        self.identity, self.form = identity, form


def parts_of(identity: str, form: str, count: int) -> list[str]:
    """The parts of an import's id; raises UnreadableIdError when there are not `count` of them."""
    parts = identity.split("/")
    if len(parts) != count or not all(parts):
        raise UnreadableIdError(identity, form)
    return parts
