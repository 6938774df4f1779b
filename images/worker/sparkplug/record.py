"""A Sparkplug B payload as the JSON text of one record, in which nothing of it is lost.

- `value` is by the metric's datatype, its own or the birth's. Where that is missing, unknown or does not fit, `value`
  is as it came and `field` names the protobuf field that held it.
- A text that is no UTF-8 is `{"base64": "…"}`; NaN and infinities are strings; a Float has the digits of the double
  that equals it. Properties and template parameters are lists, because keys may be given twice.
- `original` is the payload in base64, where the JSON alone would not tell all of it: extensions, a field given twice,
  an encoding that is not the usual one.
- `after_gap` says that a message was missed since the births that name the metrics.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import EncodeError

from images.worker.sparkplug.names import Names
from images.worker.sparkplug.scalars import AS_IT_CAME, NUMBER, READERS, Reader, binary, boolean, text
from images.worker.sparkplug.schema import DATATYPES

DEPTH: Final = 24
"""Levels of templates and property sets in each other; each is two messages in each other, of which protobuf's library
takes 100, and forgets unknown fields in 64."""
_DATASET, _TEMPLATE = NUMBER["DataSet"], NUMBER["Template"]
_CONTAINERS: Final = {
    "dataset_value": _DATASET,
    "template_value": _TEMPLATE,
    "propertyset_value": NUMBER["PropertySet"],
    "propertysets_value": NUMBER["PropertySetList"],
}
_WRITTEN: Final = {number: f'"{name}"' for number, name in enumerate(DATATYPES)}
_METADATA: Final[dict[str, Reader]] = {
    "is_multi_part": boolean,
    "content_type": text,
    "size": str,
    "seq": str,
    "file_name": text,
    "file_type": text,
    "md5": text,
    "description": text,
}


class TooLarge(Exception):
    """The record would be larger than it may be."""


class TooDeep(Exception):
    """Templates or property sets are nested deeper than `DEPTH`."""


@dataclass(slots=True)
class Record:
    """Writes one payload; `nameless` counts metrics that have an alias and no name that is known."""

    message: Any
    payload: bytes
    names: Names
    largest: int
    after_gap: bool = False
    nameless: int = 0

    def json(self) -> bytes:
        """Return the record's text; raises TooLarge or TooDeep."""
        message, parts = self.message, []
        for name in ("timestamp", "seq"):
            if message.HasField(name):
                parts.append(f'"{name}":{getattr(message, name)}')
        if message.HasField("uuid"):
            parts.append(f'"uuid":{text(message.uuid)}')
        if message.HasField("body"):
            parts.append(f'"body":{binary(message.body)}')
        if self.after_gap:
            parts.append('"after_gap":true')
        parts.append(f'"metrics":[{",".join(self._bounded(message.metrics))}]')
        if not self._tells_all():
            parts.append(f'"original":{binary(self.payload)}')
        written = f"{{{','.join(parts)}}}".encode()
        if len(written) > self.largest:
            raise TooLarge
        return written

    def _bounded(self, metrics: Iterable[Any]) -> list[str]:
        """Write metrics, and stop as soon as they are too much: a name of a birth may be long, and be meant often."""
        room, parts = self.largest, []
        for metric in metrics:
            written = _metric(metric, *self._known(metric), 0)
            room -= len(written) + 1
            if room < 0:
                raise TooLarge
            parts.append(written)
        return parts

    def _known(self, metric: Any) -> tuple[str, int]:
        """Return a metric's name, as text ("" if it has none), and its datatype (0 if none is known)."""
        datatype, name = metric.datatype, metric.name
        if name or metric.HasField("name"):
            if not datatype and (known := self.names.by_name.get(name)) is not None:
                datatype = known.datatype
            return text(name), datatype
        if not metric.HasField("alias"):
            return "", datatype
        known = self.names.by_alias.get(metric.alias)
        if known is None:
            self.nameless += 1
            return "", datatype
        return known.name, datatype or known.datatype

    def _tells_all(self) -> bool:
        """Say whether the payload is what would be written for the fields that are known, byte for byte."""
        self.message.DiscardUnknownFields()
        try:
            return bool(self.message.SerializeToString() == self.payload)
        except EncodeError:
            return False


def _metric(metric: Any, name: str, datatype: int, depth: int) -> str:
    has, parts = metric.HasField, []
    if name:
        parts.append(f'"name":{name}')
    if has("alias"):
        parts.append(f'"alias":{metric.alias}')
    if has("timestamp"):
        parts.append(f'"timestamp":{metric.timestamp}')
    if datatype or has("datatype"):
        parts.append(f'"datatype":{_WRITTEN.get(datatype, datatype)}')
    parts.extend(_value(metric, datatype, depth))
    for flag in ("is_historical", "is_transient", "is_null"):
        if has(flag):
            parts.append(f'"{flag}":{boolean(getattr(metric, flag))}')
    if has("metadata"):
        given = metric.metadata
        inner = (
            f'"{key}":{as_text(getattr(given, key))}'
            for key, as_text in _METADATA.items()
            if given.HasField(key)
        )
        parts.append(f'"metadata":{{{",".join(inner)}}}')
    if has("properties"):
        parts.append(f'"properties":{_properties(metric.properties, depth + 1)}')
    return f"{{{','.join(parts)}}}"


def _value(holder: Any, datatype: int, depth: int) -> Iterable[str]:
    """Return the member `value` of a metric, property, parameter or element, and `field` where that is needed."""
    came_in = holder.WhichOneof("value")
    if came_in is None:
        # An element of a data set is null by having no value; the others say so.
        return ('"value":null',) if getattr(holder, "is_null", False) else ()
    value = getattr(holder, came_in)
    reader = READERS.get((came_in, datatype))
    written = reader(value) if reader else None
    if written is not None:
        return (f'"value":{written}',)
    if (plain := AS_IT_CAME.get(came_in)) is not None:
        return (f'"value":{plain(value)}', f'"field":"{came_in}"')
    written = f'"value":{_container(came_in, value, depth + 1)}'
    return (written,) if _CONTAINERS.get(came_in) == datatype else (written, f'"field":"{came_in}"')


def _container(came_in: str, value: Any, depth: int) -> str:
    if depth > DEPTH:
        raise TooDeep
    if came_in == "dataset_value":
        return _dataset(value, depth)
    if came_in == "template_value":
        return _template(value, depth)
    if came_in == "propertyset_value":
        return _properties(value, depth)
    if came_in == "propertysets_value":
        return f"[{','.join(_properties(each, depth + 1) for each in value.propertyset)}]"
    return "null"  # an extension's value: what it holds is in `original`


def _dataset(given: Any, depth: int) -> str:
    parts = [f'"num_of_columns":{given.num_of_columns}'] if given.HasField("num_of_columns") else []
    types = list(given.types)
    parts.append(f'"columns":[{",".join(map(text, given.columns))}]')
    parts.append(f'"types":[{",".join(str(_WRITTEN.get(one, one)) for one in types)}]')
    rows = (_row(row.elements, types, depth) for row in given.rows)
    parts.append(f'"rows":[{",".join(rows)}]')
    return f"{{{','.join(parts)}}}"


def _row(elements: Any, types: list[int], depth: int) -> str:
    """Return a row: each element's value alone where its column's type fits, else an object with `field`."""
    cells = []
    for index, element in enumerate(elements):
        members = tuple(_value(element, types[index] if index < len(types) else 0, depth))
        if not members:
            cells.append("null")
        elif len(members) == 1:
            cells.append(members[0].removeprefix('"value":'))
        else:
            cells.append(f"{{{','.join(members)}}}")
    return f"[{','.join(cells)}]"


def _template(given: Any, depth: int) -> str:
    parts = [
        f'"{name}":{text(getattr(given, name))}'
        for name in ("version", "template_ref")
        if given.HasField(name)
    ]
    if given.HasField("is_definition"):
        parts.append(f'"is_definition":{boolean(given.is_definition)}')
    metrics = (
        _metric(one, text(one.name) if one.HasField("name") else "", one.datatype, depth)
        for one in given.metrics
    )
    parts.append(f'"metrics":[{",".join(metrics)}]')
    if given.parameters:
        parameters = (
            _typed(one, text(one.name) if one.HasField("name") else "", depth) for one in given.parameters
        )
        parts.append(f'"parameters":[{",".join(parameters)}]')
    return f"{{{','.join(parts)}}}"


def _properties(given: Any, depth: int) -> str:
    """Return a property set as a list; what has no partner (key or value) stands alone."""
    if depth > DEPTH:
        raise TooDeep
    keys, values = given.keys, given.values
    parts = [_typed(value, text(key), depth) for key, value in zip(keys, values, strict=False)]
    parts += [f'{{"name":{text(key)}}}' for key in keys[len(values) :]]
    parts += [_typed(value, "", depth) for value in values[len(keys) :]]
    return f"[{','.join(parts)}]"


def _typed(holder: Any, name: str, depth: int) -> str:
    """Return a property or a template's parameter."""
    parts = [f'"name":{name}'] if name else []
    if holder.HasField("type"):
        parts.append(f'"datatype":{_WRITTEN.get(holder.type, holder.type)}')
    parts.extend(_value(holder, holder.type, depth))
    if holder.DESCRIPTOR.name == "PropertyValue" and holder.HasField("is_null"):
        parts.append(f'"is_null":{boolean(holder.is_null)}')
    return f"{{{','.join(parts)}}}"
