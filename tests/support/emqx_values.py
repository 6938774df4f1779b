"""EMQX's types of values, as its own readers take them: what fits, and what does not."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Fits = Callable[[Any], bool]

_NUMBER = r"\d+(\.\d+)?"
_BYTES = rf"{_NUMBER}([kmg]b)?"
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
_PLACEHOLDER = re.compile(r"\$\{[.\w]+\}")


def _text(pattern: str) -> Fits:
    form = re.compile(pattern, re.IGNORECASE)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def _whole(lowest: float, highest: float = float("inf")) -> Fits:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _either(*choices: Fits) -> Fits:
    return lambda value: any(fits(value) for fits in choices)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _any_text(value: Any) -> bool:
    return isinstance(value, str)


# A plain number is milliseconds, or bytes.
_DURATION = _either(_whole(0), _text(rf"({_NUMBER}(ms|[smhdw]))+"))
_SIZE = _either(_whole(0), _text(_BYTES))
_ADDRESS = _either(_whole(0, 65535), _text(rf"({_HOST}|\[[0-9a-f:]+\])?:\d{{1,5}}"))
_RATE = _text(rf"{_BYTES}/\d*(ms|[smhd])|infinity")
_SERVERS = _text(rf"{_HOST}(:\d{{1,5}})?(,\s*{_HOST}(:\d{{1,5}})?)*")

TYPES: dict[str, Fits] = {
    "boolean": lambda value: isinstance(value, bool),
    "pos_integer": _whole(1),
    "non_neg_integer": _whole(0),
    "integer": _whole(float("-inf")),
    "port_number": _whole(1, 65535),
    "float": _number,
    "number": _number,
    "atom": _text(r"[A-Za-z_][\w.@-]*"),
    "binary": _any_text,
    "string": _any_text,
    "template": _any_text,
    "template_str": _any_text,
    "map": lambda value: isinstance(value, Mapping),
    "duration": _DURATION,
    "duration_s": _DURATION,
    "duration_ms": _DURATION,
    "timeout_duration": _DURATION,
    "timeout_duration_s": _DURATION,
    "timeout_duration_ms": _DURATION,
    "bytesize": _SIZE,
    "wordsize": _SIZE,
    "percent": _either(_text(rf"{_NUMBER}%"), lambda value: _number(value) and 0 <= value <= 1),
    "ip_port": _ADDRESS,
    "qos": _either(
        _whole(0, 2), lambda value: isinstance(value, str) and bool(_PLACEHOLDER.fullmatch(value))
    ),
    "url": _text(r"https?://\S+"),
    # The kit's own rule as well: no secret is written out.
    "secret": _text(r"file:///\S+"),
    "comma_separated_list": _any_text,
    "comma_separated_binary": _any_text,
    "comma_separated_atoms": _any_text,
}
# What the dump calls a text, and EMQX reads as something more, by the name of the field.
FIELDS: dict[str, Fits] = {
    "max_conn_rate": _RATE,
    "messages_rate": _RATE,
    "bytes_rate": _RATE,
    "bootstrap_hosts": _SERVERS,
    "server": _SERVERS,
    "url": TYPES["url"],
    "endpoint": TYPES["url"],
    "issuer": TYPES["url"],
    "dashboard_addr": TYPES["url"],
    "access_rules": _text(r"(allow|deny) (all|[0-9a-f.:]+(/\d{1,3})?)"),
    "certfile": _text(r"/\S+"),
    "keyfile": _text(r"/\S+"),
    "cacertfile": _text(r"/\S+"),
    "issuer_pem": _text(r"/\S+"),
}


def misfit(kind: str, field: str, value: Any) -> str | None:
    """Return what is wrong with a value of one of EMQX's types, such as `emqx_schema:duration()`; None if it fits."""
    bounds = re.fullmatch(r"(-?\d+)\.\.(-?\d+|inf)", kind)
    name = kind.rpartition(":")[2].partition("(")[0]
    fits = _whole(float(bounds[1]), float(bounds[2])) if bounds else TYPES.get(name)
    if fits is None:
        return f"{kind} is a type that nothing here reads"
    if not fits(value):
        return f"{value!r} is no {kind}"
    if (
        not isinstance(value, bool)
        and field in FIELDS
        and name in {"string", "binary"}
        and not FIELDS[field](value)
    ):
        return f"{value!r} is no {field}"
    return None
