"""Reads one data file: strict YAML with line numbers; what tools read differently is refused."""

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import yaml

from model.errors import SiteError
from model.nodes import Mapping, Node, Origin, Scalar, Sequence, Step, Value, at, by_name, written
from model.words import quoted

LARGEST_FILE = 1024 * 1024
DEEPEST_NESTING = 24
MOST_NODES = 20_000
LONGEST_NUMBER = 18
LINK = "is a link, and data is never read through one"
LINK_REMEDY = "put the file itself in its place"

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+", re.ASCII)
_OTHER_NUMBER = re.compile(
    r"[-+]?(\.inf|\.nan|0[xob][0-9a-f_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
    r"|([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(e[-+]?[0-9]+)?)",
    re.ASCII | re.IGNORECASE,
)
_CLOSE_QUOTE = "close the quote on its line"
_FLOWS: dict[type[yaml.Event], tuple[str, str]] = {
    yaml.SequenceStartEvent: ("[", "close it with `]`, and put a comma between its items"),
    yaml.MappingStartEvent: ("{", "close it with `}`, and put a comma between its keys"),
}
_OTHER_BOOLEAN = {"y", "yes", "on", "true"}, {"n", "no", "off", "false"}


@dataclass(frozen=True, slots=True)
class Document:
    """A file's tree, absent when it could not be read, and every mistake found on the way."""

    file: Path
    root: Mapping | None
    errors: tuple[SiteError, ...]


class _Unreadable(Exception):
    """Reading cannot go on after this line."""

    def __init__(self, line: int | None, problem: str, remedy: str) -> None:
        self.line, self.problem, self.remedy = line, problem, remedy


def read_document(file: Path, content: bytes | None = None) -> Document:
    """Read a data file; never raises, whatever the file holds.

    `content` is what the file holds where it does not lie in the folder itself: at a commit, say.
    """
    try:
        return _read(file, _content(file) if content is None else content)
    except _Unreadable as found:
        return Document(file, None, (SiteError(file, found.line, "", found.problem, found.remedy),))


# Defaults are asked for again by every site, and who may sign by every record: what was read once is known.
@lru_cache(maxsize=64)
def _read(file: Path, content: bytes) -> Document:
    reader = _Reader(file)
    try:
        root = reader.compose(_text(content))
    except _Unreadable as found:
        error = SiteError(file, found.line, "", found.problem, found.remedy)
        return Document(file, None, (*reader.errors(None), error))
    return Document(file, root, reader.errors(root))


def _content(file: Path) -> bytes:
    try:
        # A link would bring any file of the machine into a message.
        mode = file.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise _Unreadable(None, LINK, LINK_REMEDY)
        if not stat.S_ISREG(mode):
            raise _Unreadable(None, "is not a regular file", "put a YAML file in its place")
        with file.open("rb") as stream:
            return stream.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise _Unreadable(None, f"cannot be read: {reason}", "make it a readable file") from error
    except ValueError as error:
        raise _Unreadable(None, "cannot be read: its name is not one", "rename it") from error


def _text(content: bytes) -> str:
    if len(content) > LARGEST_FILE:
        raise _Unreadable(
            None, "is larger than 1 MiB", "keep data files small; this is probably another file"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, "is not UTF-8 text", "save it as UTF-8") from error
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise _Unreadable(line, f"holds the control character {control[0]!r}", "remove it")
    return text


class _Reader:
    """Composes the tree of one file from YAML events, and notes what is wrong."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._notes: list[tuple[tuple[Step, ...], int, str, str]] = []
        self._events: Iterator[yaml.Event] = iter(())
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0
        # Where the last quoted text opens and closes, and what is open: for the words about what is not YAML.
        self._quote = (0, 0)
        self._flows: list[tuple[int, str, str]] = []

    def compose(self, text: str) -> Mapping:
        """Return the tree of the only document in the text; raises _Unreadable."""
        self._events = yaml.parse(text, Loader=yaml.CSafeLoader)
        try:
            self._next()
            if isinstance(self._next(), yaml.StreamEndEvent):
                raise _Unreadable(1, "is empty", "write the site's keys, like `name: eagle-ford`")
            root = self._node(self._next(), (), 0)
            self._next()
            another = self._next()
            if not isinstance(another, yaml.StreamEndEvent):
                raise _Unreadable(_line(another), "holds a second document", "keep one document in each file")
        except yaml.MarkedYAMLError as error:
            raise self._not_yaml(error) from error
        except yaml.YAMLError as error:
            raise _Unreadable(None, "is not YAML", "check that it is a text file") from error
        if not isinstance(root, Mapping):
            found = "a list" if isinstance(root, Sequence) else f"the single value {quoted(root.text)}"
            raise _Unreadable(
                root.origin.line, f"holds {found}", "write keys and values, like `name: eagle-ford`"
            )
        return root

    def _not_yaml(self, error: yaml.MarkedYAMLError) -> _Unreadable:
        """Say where YAML ends to be YAML: where something opens that is not closed, else where it was noticed."""
        noticed = error.problem_mark.line + 1 if error.problem_mark else None
        ended = error.context == "while scanning a quoted scalar" and "unexpected end" in str(error.problem)
        if ended and error.context_mark is not None:
            return _Unreadable(
                error.context_mark.line + 1, "has a quote here that is not closed", _CLOSE_QUOTE
            )
        opens, closes = self._quote
        if noticed is not None and opens < closes and noticed in (closes, closes + 1):
            problem = f"has a quote here that is closed on line {closes}, in the middle of a text"
            return _Unreadable(opens, problem, _CLOSE_QUOTE)
        if self._flows:
            line, sign, remedy = self._flows[-1]
            return _Unreadable(line, f"has a `{sign}` here that is not closed", remedy)
        problem = f"is not YAML: {error.problem}"
        return _Unreadable(noticed, problem, "check indentation, colons and quotes on and above it")

    def errors(self, root: Node | None) -> tuple[SiteError, ...]:
        """Return what was noted; keys are written with the names of list items where the tree is known."""
        return tuple(
            SiteError(self.file, line, written(by_name(root, path) if root else path), problem, remedy)
            for path, line, problem, remedy in self._notes
        )

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _node(self, event: yaml.Event, path: tuple[Step, ...], depth: int) -> Node:
        line = _line(event)
        before = self._nodes
        self._count(1, line)
        if depth > DEEPEST_NESTING:
            raise _Unreadable(line, f"is nested deeper than {DEEPEST_NESTING} levels", "flatten it")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, line)
        self._refuse_tag(event, path, line)
        node: Node
        flow = _FLOWS.get(type(event)) if getattr(event, "flow_style", False) else None
        if flow:
            self._flows.append((line, *flow))
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, path, line)
        elif isinstance(event, yaml.MappingStartEvent):
            node = Mapping(Origin(self.file, line), self._entries(path, depth))
        else:
            node = Sequence(Origin(self.file, line), self._items(path, depth))
        if flow:
            self._flows.pop()
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = node, self._nodes - before
        return node

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise _Unreadable(line, f"holds more than {MOST_NODES} values", "use fewer aliases, or less data")

    def _alias(self, event: yaml.AliasEvent, line: int) -> Node:
        if event.anchor not in self._anchors:
            raise _Unreadable(
                line, f"uses `*{event.anchor}`, which is not set above", f"set `&{event.anchor}` before it"
            )
        node, size = self._anchors[event.anchor]
        self._count(size, line)
        return at(node, Origin(self.file, line))

    def _refuse_tag(self, event: yaml.Event, path: tuple[Step, ...], line: int) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            short = tag.replace("tag:yaml.org,2002:", "!!")
            self._note(path, line, f"has the tag {quoted(short)}", "write the value without a tag")

    def _entries(self, path: tuple[Step, ...], depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise _Unreadable(
                    line,
                    "has a list, map or alias as key",
                    "write a plain key; quote a value that begins with `{`",
                )
            key = event.value
            node = at(self._node(self._next(), (*path, key), depth + 1), Origin(self.file, line))
            if key in entries:
                first = entries[key].origin.line
                self._note(
                    (*path, key), line, f"is given twice; first on line {first}", "keep one of the two"
                )
            else:
                entries[key] = node
        return entries

    def _items(self, path: tuple[Step, ...], depth: int) -> tuple[Node, ...]:
        items: list[Node] = []
        names: dict[str, int] = {}
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            item = self._node(event, (*path, len(items)), depth + 1)
            items.append(item)
            if isinstance(item, Mapping) and item.name is not None:
                line = item.entries["name"].origin.line
                first = names.setdefault(item.name, line)
                if first != line:
                    problem = f"{quoted(item.name)} is named twice; first on line {first}"
                    self._note((*path, item.name), line, problem, "give one of the two another name")
        return tuple(items)

    def _scalar(self, event: yaml.ScalarEvent, path: tuple[Step, ...], line: int) -> Scalar:
        text: str = event.value
        value: Value = text
        if event.style in ("'", '"') and event.end_mark is not None:
            self._quote = line, event.end_mark.line + 1
        if event.implicit[0]:
            value, remedy = _resolve(text)
            if remedy:
                self._note(path, line, f"{quoted(text)} is read differently by different tools", remedy)
        return Scalar(Origin(self.file, line), value, text)

    def _note(self, path: tuple[Step, ...], line: int, problem: str, remedy: str) -> None:
        self._notes.append((path, line, problem, remedy))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _resolve(text: str) -> tuple[Value, str]:
    """Return an unquoted scalar's value, and a remedy when it is one of YAML's traps (else empty)."""
    if text in {"", "~", "null"}:
        return None, ""
    if text in {"true", "false"}:
        return text == "true", ""
    if len(text) <= LONGEST_NUMBER and _WHOLE.fullmatch(text):
        return int(text), ""
    if len(text) <= LONGEST_NUMBER and _DECIMAL.fullmatch(text):
        return Decimal(text), ""
    if text.lower() in _OTHER_BOOLEAN[0] | _OTHER_BOOLEAN[1]:
        plain = "true" if text.lower() in _OTHER_BOOLEAN[0] else "false"
        return text, f'write `{plain}`, or `"{text}"` when the word is meant'
    if text.lower() == "null":
        return text, 'write `null`, or `"null"` when the word is meant'
    if _OTHER_NUMBER.fullmatch(text):
        return text, "write a number in plain digits, or quote it when text is meant"
    return text, ""


def reads_as_text(text: str) -> bool:
    """Say whether a text, written without quotes, is read back as the very same text."""
    return _resolve(text) == (text, "")
