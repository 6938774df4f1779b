"""Wire values of the provider protocol as Python values, with markers for secrets and unknowns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct
    from google.protobuf.struct_pb2 import Value as WireValue

Value: TypeAlias = Any
"""None, bool, int, float, str, Secret, UNKNOWN, or a list or dict of these: JSON and two markers."""

Object: TypeAlias = dict[str, Value]

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's marker, not a secret
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_TEXTS: Final = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
"""The protocol's spellings of "not known yet" (Pulumi SDK, resource/plugin/rpc.go)."""


class Unknown:
    """The one value that a preview does not know yet; compare with `is UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, memo: object) -> Unknown:
        return self


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must stay encrypted wherever it is stored or shown; its representation hides it."""

    value: Value

    def __repr__(self) -> str:
        return "Secret(…)"


def decode(struct: Struct | None) -> Object:
    """The dict that a protobuf Struct stands for; whole numbers become int."""
    if struct is None:
        return {}
    return {key: _decode_value(value) for key, value in struct.fields.items()}


def encode(values: Mapping[str, Value]) -> Struct:
    """The protobuf Struct that stands for `values`."""
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    for key, value in values.items():
        _encode_value(struct.fields[key], value)
    return struct


def from_json(value: Value) -> Value:
    """A recorded or stored JSON value with the protocol's envelopes turned into markers."""
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWN_TEXTS else value
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if isinstance(value, Mapping):
        return _open_envelope({key: from_json(item) for key, item in value.items()})
    return value


def to_json(value: Value) -> Value:
    """The reverse of `from_json`."""
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET_SIGNATURE, "value": to_json(value.value)}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def plain(value: Value) -> Value:
    """A deep copy without secret markers (unknowns stay): what a server is sent. Never log it."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def has_unknown(value: Value) -> bool:
    """Whether anything inside is not known yet."""
    return _any(value, lambda item: item is UNKNOWN)


def has_secret(value: Value) -> bool:
    """Whether anything inside is marked secret."""
    return _any(value, lambda item: isinstance(item, Secret))


def keep_secrets(outputs: Value, inputs: Value) -> Value:
    """`outputs` (plain) with every place marked secret that is secret in `inputs`.

    A place is a path of keys; a list keeps its items' marks only while both lists are of one length,
    otherwise the whole list becomes secret as soon as one of its items was.
    """
    if isinstance(outputs, Secret):
        return outputs
    if isinstance(inputs, Secret):
        return Secret(outputs)
    if isinstance(outputs, dict) and isinstance(inputs, Mapping):
        return {key: keep_secrets(item, inputs.get(key)) for key, item in outputs.items()}
    if isinstance(outputs, list) and isinstance(inputs, list | tuple):
        if len(outputs) == len(inputs):
            return [keep_secrets(mine, theirs) for mine, theirs in zip(outputs, inputs, strict=True)]
        return Secret(outputs) if has_secret(inputs) else outputs
    return outputs


def _any(value: Value, test: Callable[[Value], bool]) -> bool:
    if test(value):
        return True
    if isinstance(value, Secret):
        return _any(value.value, test)
    if isinstance(value, Mapping):
        return any(_any(item, test) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_any(item, test) for item in value)
    return False


def _decode_value(value: WireValue) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in UNKNOWN_TEXTS else text
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode_value(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _open_envelope({key: _decode_value(item) for key, item in value.struct_value.fields.items()})
    return None


def _open_envelope(fields: Object) -> Value:
    signature = fields.get(SIGNATURE)
    if signature == SECRET_SIGNATURE:
        return Secret(fields.get("value"))
    if signature == OUTPUT_SIGNATURE:
        value = fields.get("value", UNKNOWN)
        return Secret(value) if fields.get("secret") else value
    if signature == RESOURCE_SIGNATURE:
        return fields.get("id", fields.get("urn"))
    return fields


def _encode_value(wire: WireValue, value: Value) -> None:
    if value is None or isinstance(value, str | bool | int | float | Unknown):
        _encode_scalar(wire, value)
    elif isinstance(value, Secret):
        fields = wire.struct_value.fields
        fields[SIGNATURE].string_value = SECRET_SIGNATURE
        _encode_value(fields["value"], value.value)
    elif isinstance(value, Mapping):
        wire.struct_value.SetInParent()
        for key, item in value.items():
            _encode_value(wire.struct_value.fields[key], item)
    elif isinstance(value, list | tuple):
        wire.list_value.SetInParent()
        for item in value:
            _encode_value(wire.list_value.values.add(), item)
    else:
        raise TypeError(f"the wire has no {type(value).__name__}")


def _encode_scalar(wire: WireValue, value: str | bool | float | Unknown | None) -> None:
    if value is None:
        wire.null_value = 0
    elif isinstance(value, Unknown):
        wire.string_value = UNKNOWN_TEXT
    elif isinstance(value, bool):
        wire.bool_value = value
    elif isinstance(value, str):
        wire.string_value = value
    else:
        wire.number_value = value
