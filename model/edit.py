"""Sets one value in the text of a YAML file and leaves every other byte as it is: comments, order and style."""

import yaml

from model.words import quoted

_BYTE_ORDER_MARK = "\ufeff"


class NotEditableError(Exception):
    """A value cannot be set without rewriting what somebody wrote: which key, and why."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"`{key}` cannot be set by itself: {why}")
        self.key = key


def set_value(text: str, path: tuple[str, ...], value: str) -> str:
    """Return the text with `value` (a plain word) at a path of keys; what is missing on the way is added.

    Raises NotEditableError where the file holds something else than a map on the way, or more than a value at the end.
    """
    # It is no part of what the parser counts.
    bare = text.removeprefix(_BYTE_ORDER_MARK)
    root = yaml.compose(bare, Loader=yaml.CSafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise NotEditableError(".".join(path), "the file is no map")
    edited = _set(bare, root, path, path, value)
    if _at(_loaded(edited), path) != _loaded(value):
        raise NotEditableError(".".join(path), "the file is written in an unusual way")
    return text[: len(text) - len(bare)] + edited


def _set(text: str, node: yaml.MappingNode, path: tuple[str, ...], rest: tuple[str, ...], value: str) -> str:
    key, *further = rest
    entry = next((pair for pair in node.value if pair[0].value == key), None)
    if entry is None:
        return _added(text, node, rest, value)
    found: yaml.Node = entry[1]
    if further:
        if isinstance(found, yaml.MappingNode):
            return _set(text, found, path, tuple(further), value)
        raise NotEditableError(".".join(path), f"{quoted(key)} is no map")
    if not isinstance(found, yaml.ScalarNode) or found.start_mark.line != found.end_mark.line:
        raise NotEditableError(".".join(path), "more than a value stands there")
    return text[: found.start_mark.index] + value + text[found.end_mark.index :]


def _added(text: str, node: yaml.MappingNode, rest: tuple[str, ...], value: str) -> str:
    if node.flow_style:
        inline = value
        for key in reversed(rest[1:]):
            inline = f"{{{key}: {inline}}}"
        start = node.start_mark.index + 1
        comma = ", " if node.value else ""
        return f"{text[:start]}{rest[0]}: {inline}{comma}{text[start:]}"
    # A new key goes first in its map: nothing above it can be taken for its comment.
    first = node.value[0][0].start_mark
    column = first.column
    lines = [f"{' ' * (column + 2 * depth)}{key}:" for depth, key in enumerate(rest)]
    lines[-1] += f" {value}"
    if column == 0:
        return f"{text.rstrip(chr(10))}\n\n{chr(10).join(lines)}\n"
    start = first.index - column
    return text[:start] + "\n".join(lines) + "\n" + text[start:]


def _at(data: object, path: tuple[str, ...]) -> object:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _loaded(text: str) -> object:
    return yaml.load(text, Loader=yaml.CSafeLoader)
