"""Texts that other languages would act on, and sites whose every free text is such a one."""

import types
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from hypothesis import Phase
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from model import Site, load_site
from model.base import Part, Text, Written
from model.identity import Mail, MailLogin
from model.rollout import BridgedTopics
from model.sinks import Iceberg
from model.site import ColdTier
from model.units import Duration

# Where one example takes a second, or a process: the first that fails is shown as it is.
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
STACKS = Path(__file__).parents[2] / "stacks"
_TEXT = TypeAdapter(Text)
# What means something in Go templates, PromQL, HOCON, SQL, Rego, X.509, HCL, TOML, YAML, JSON, shells, Markdown.
FRAGMENTS = (
    "{{ x }}", "{{", "}}", "{", "}", "{{- end -}}", '{{ template "x" }}', "{{/*", "{% x %}", "${x}", "${",
    "$x", "$(id)", "`id`", "```", "~~~", "`", '"', "'", '"""', "'''", "\\", "\\n", "\\u0041", "\\N{DEL}",
    "#", "//", "/*", "--", ";", "|", "||", "&&", "& ", ">", "<", "<!-- x", "-->", "<script>", "</details>",
    "<b>", "*", "**", "_x_", "@everyone", "[x](https://e.example)", "![x](y)", "https://e.example",
    "www.e.example", "#12", "!12", "%s", "%", ",", "+", "=", "CN=x", ", O=y", "/O=y", ": ", "- x", "? ",
    "!!int 3", "&a", "*a", "~", "null", "true", "0x1F", "1e9", "é", "漢字", "𝄞", "Ⅷ", "ß", "'); DROP",
    "' OR '1'='1", "] or true", "[[x]]", "{site}", "{name}", "../..", "file:///etc/passwd", "env.HOME",
    'include "x"', "x", "x y",
)  # fmt: skip


def is_text(text: str) -> bool:
    """Say whether the model takes it as a text."""
    try:
        _TEXT.validate_python(text)
    except ValidationError:
        return False
    return True


def texts(longest: int = 64) -> st.SearchStrategy[str]:
    """Texts that `validate` takes, made of what other languages act on."""
    pieces = st.sampled_from(FRAGMENTS) | st.characters(codec="utf-8", exclude_categories=["C"])
    joined = st.lists(pieces, min_size=1, max_size=6).map("".join).map(str.strip)
    return joined.map(lambda text: text[:longest].strip()).filter(is_text)


def organizations() -> st.SearchStrategy[str]:
    """Texts that `validate` takes as an organization: Vault's list has no way to write a comma."""
    return texts().map(lambda text: text.replace(",", "").strip()).filter(is_text)


@cache
def whole_site(edition: str = "opensource") -> Site:
    """Return a site in which every free text of the model is said."""
    site = load_site(STACKS, "eagle-ford")
    lake = Iceberg(
        catalog="https://lake.field.example",
        catalog_at=site.platform.vault,
        warehouse="lake",
        object_storage="https://objects.field.example",
        object_storage_at=site.platform.vault,
        region="us",
        namespace="field",
        table="telemetry",
        commit_every=Duration(300),
    )
    (historian, *others) = site.streams.sinks
    sinks = (historian.model_copy(update={"timescaledb": None, "iceberg": lake}), *others)
    mail = Mail(
        host="smtp.field.example",
        port=587,
        encryption="starttls",
        sender="iot@field.example",
        sender_name="IoT",
        login=MailLogin(user="iot", secret="smtp"),
    )
    space = BridgedTopics(name="pads", theirs="Field/Pads", ours=f"{site.name}/pad-kenedy-12", commands=False)
    return site.model_copy(
        update={
            "broker": site.broker.model_copy(
                update={"edition": edition, "revocation": "none", "revocation_reason": "why"}
            ),
            "identity": site.identity.model_copy(update={"mail": mail}),
            "streams": site.streams.model_copy(update={"sinks": sinks}),
            "retention": site.retention.model_copy(
                update={"cold": ColdTier(store="iceberg", location="lake"), "total": Duration(10**8)}
            ),
            "limits": site.limits.model_copy(update={"bridge": "ingress"}),
            "incumbent": site.incumbent.model_copy(update={"topics": (space,)}),
        }
    )


def free_texts(form: type[Part] = Site, path: str = "") -> Iterator[str]:
    """Yield the key of each free text of the model, lists as if they were maps: `assets.title`."""
    for name, field in form.model_fields.items():
        key = f"{path}.{name}" if path else name
        if _is_free(field):
            yield key
        for part in _parts(field.annotation):
            yield from free_texts(part, key)


def replaced(part: Any, text_of: Callable[[str], str], path: str = "") -> Any:
    """Return a part with each free text replaced by what a function says for its key."""
    changes: dict[str, Any] = {}
    for name, field in type(part).model_fields.items():
        key, value = f"{path}.{name}" if path else name, getattr(part, name)
        if _is_free(field) and value is not None:
            changes[name] = text_of(key)
        elif isinstance(value, Part):
            changes[name] = replaced(value, text_of, key)
        elif isinstance(value, tuple) and value and all(isinstance(item, Part) for item in value):
            changes[name] = tuple(replaced(item, text_of, key) for item in value)
    return part.model_copy(update=changes)


@st.composite
def sites(draw: st.DrawFn, edition: str = "opensource") -> Site:
    """Sites whose every free text is one that other languages would act on."""

    def text_of(key: str) -> str:
        found = draw(organizations() if key == "pki.organization" else texts(), label=key)
        return found.replace("${", "$ {") if key.endswith("warehouse") else found

    site: Site = replaced(whole_site(edition), text_of)
    return site


def _is_free(field: FieldInfo) -> bool:
    return Written in field.metadata or _holds_free(field.annotation)


def _holds_free(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return Written in get_args(annotation)[1:] and any(
            getattr(fact, "pattern", None) for fact in get_args(annotation)[1:]
        )
    if get_origin(annotation) in {Union, types.UnionType}:
        return any(_holds_free(inner) for inner in get_args(annotation))
    return False


def _parts(annotation: Any) -> Iterator[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    elif not isinstance(annotation, type):
        for inner in get_args(annotation):
            yield from _parts(inner)
