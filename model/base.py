"""What every part of the site model shares: the frozen base class and the kinds of names."""

from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from model.addresses import MEANINGS as ADDRESSES


class Part(BaseModel):
    """A part of the site: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _plain_number(value: object) -> object:
    """Let `2` be written where `2.0` is meant; a yes/no stays what it is, and is refused."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _written(text: str) -> str:
    """Refuse what a terminal, a page or an editor would act on instead of showing it: controls, marks of direction."""
    acts = next((character for character in text if not character.isprintable()), None)
    if acts is not None:
        facts = {
            "problem": f"holds U+{ord(acts):04X}, which is not shown as it is",
            "remedy": "write letters, digits, signs and plain spaces alone",
        }
        raise PydanticCustomError("unit", "{problem}; {remedy}", facts)
    return text


def _with_a_port(address: str) -> str:
    """Refuse a port that there is not."""
    port = address.partition("://")[2].partition("/")[0].rpartition("]")[2].partition(":")[2]
    if port and not 1 <= int(port) <= 65535:
        facts = {"problem": f"has the port {port}", "remedy": "write one from 1 to 65535"}
        raise PydanticCustomError("unit", "{problem}; {remedy}", facts)
    return address


# A name in DNS, as RFC 1123 has it.
_DNS_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# What may stand in an address or path: what RFC 3986 lets stand there, but for quotes, brackets, `$` and `*`.
_HOST = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = (
    rf"^https://({_HOST}([.]{_HOST})*|\[[0-9a-fA-F:.]+\])(:[0-9]{{1,5}})?"
    r"(/([.]?[A-Za-z0-9_~%+,:@=-][A-Za-z0-9._~%+,:@=-]*)?)*$"
)
_REPOSITORY = (
    r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?/)?"
    r"[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*)*$"
)
_OBJECT_NAME = rf"^{_DNS_LABEL}([.]{_DNS_LABEL})*$"
_NAMESPACE = rf"^{_DNS_LABEL}$"
# What each pattern of the model means, in the words of an error's remedy.
PATTERN_MEANINGS: dict[str, str] = {
    r"^[a-z]([a-z0-9-]*[a-z0-9])?$": (
        "small letters, digits and dashes, beginning with a letter and not ending with a dash"
    ),
    rf"^({_DNS_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?$": (
        "a full DNS name like `eagle-ford.field.example`, each part 63 characters at most"
    ),
    r"^\d+\.\d+\.\d+$": "a full version in quotes, like `5.8.9`",
    _REPOSITORY: "an image repository without scheme and tag, like `emqx/emqx`",
    r"^[A-Za-z0-9_][A-Za-z0-9._-]*$": "an image tag, like `5.8.9`",
    r"^sha256:[0-9a-f]{64}$": "`sha256:` and 64 hexadecimal digits",
    _ADDRESS: "an address like `https://runbooks.example/iot`, without login, query and wildcards",
    r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?$": "a whole path like `/oauth2/callback`, without wildcards and query",
    r"^\S(.*\S)?$": "a text of one line, not empty",
    r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$": (
        "a Kubernetes label key, like `release`"
    ),
    r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$": "a Kubernetes label value, like `monitoring`",
    r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?(/[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*$": (
        "the first levels of a topic in small letters, like `eagle-ford/pad-kenedy-12`"
    ),
    r"^[A-Za-z0-9*]([A-Za-z0-9.*_-]*[A-Za-z0-9*])?$": (
        "`device`, `gateway`, `service`, `mirror`, or a pattern of common names like `historian-*`"
    ),
    r"^[0-9a-f]{16}$": "16 hexadecimal digits in quotes, as the preview shows them",
    r"^[0-9a-f]{40}$": "a commit's full name in quotes: 40 hexadecimal digits",
    r"^[A-Za-z0-9+/]+={0,2}$": "base64 on one line",
    r"^-----BEGIN (CERTIFICATE|PUBLIC KEY)-----\n": "PEM text, as a block (`|`)",
    r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$": (
        "the first levels of a topic, without wildcards, like `Field/Pads`"
    ),
    r"^[a-z0-9]([a-z0-9_/-]*[a-z0-9])?$": "a path in Vault without its version, like `transit/iot-promotion`",
    r"^[a-z][a-z0-9_]*$": "small letters, digits and underscores, beginning with a letter",
    _OBJECT_NAME: "a name as Kubernetes has it: small letters, digits, dashes and dots, like `gp3.encrypted`",
    _NAMESPACE: "a namespace as Kubernetes has it: small letters, digits and dashes",
    **ADDRESSES,
    r"^[1-9]\d{0,2}-[0-9a-f]{16}$": "a generation and 16 hexadecimal digits in quotes, like `1-0123456789abcdef`",
}
_PATTERNS = list(PATTERN_MEANINGS)

Label = Annotated[str, StringConstraints(pattern=_PATTERNS[0], max_length=40)]
"""A DNS label that leaves room for a prefix: names of sites, topics, users, roles."""
Domain = Annotated[str, StringConstraints(pattern=_PATTERNS[1], max_length=180)]
Version = Annotated[str, StringConstraints(pattern=_PATTERNS[2], max_length=32)]
Repository = Annotated[str, StringConstraints(pattern=_PATTERNS[3], max_length=255)]
Tag = Annotated[str, StringConstraints(pattern=_PATTERNS[4], max_length=128)]
Digest = Annotated[str, StringConstraints(pattern=_PATTERNS[5])]
Address = Annotated[
    str, StringConstraints(pattern=_PATTERNS[6], max_length=1024), AfterValidator(_with_a_port)
]
_ONE_ADDRESS = TypeAdapter(Address)


def is_address(text: str) -> bool:
    """Say whether a text is an `Address`: `https://`, without login, query and what another language would act on."""
    try:
        _ONE_ADDRESS.validate_python(text)
    except ValidationError:
        return False
    return True


UrlPath = Annotated[str, StringConstraints(pattern=_PATTERNS[7], max_length=256)]
Written = AfterValidator(_written)
"""What a text must hold beside its pattern: nothing that a terminal or page would act on."""
Text = Annotated[str, StringConstraints(pattern=_PATTERNS[8], max_length=200), Written]
LabelKey = Annotated[str, StringConstraints(pattern=_PATTERNS[9], max_length=317)]
LabelValue = Annotated[str, StringConstraints(pattern=_PATTERNS[10], max_length=63)]
TopicSpace = Annotated[str, StringConstraints(pattern=_PATTERNS[11], max_length=120)]
CommonName = Annotated[str, StringConstraints(pattern=_PATTERNS[12], max_length=64)]
Fingerprint = Annotated[str, StringConstraints(pattern=_PATTERNS[13])]
Commit = Annotated[str, StringConstraints(pattern=_PATTERNS[14])]
Base64 = Annotated[str, StringConstraints(pattern=_PATTERNS[15], max_length=4096)]
Pem = Annotated[str, StringConstraints(pattern=_PATTERNS[16], max_length=65536)]
VaultPath = Annotated[str, StringConstraints(pattern=_PATTERNS[18], max_length=200)]
Identifier = Annotated[str, StringConstraints(pattern=_PATTERNS[19], max_length=63)]
"""A name in a store that need not be quoted there: of a database, table or login."""
BridgedSpace = Annotated[str, StringConstraints(pattern=_PATTERNS[17], max_length=120)]
Sentence = Annotated[str, StringConstraints(pattern=_PATTERNS[8], max_length=1000), Written]
ObjectName = Annotated[str, StringConstraints(pattern=_PATTERNS[20], max_length=253)]
"""The name of something in Kubernetes that the kit finds and does not make."""
Namespace = Annotated[str, StringConstraints(pattern=_PATTERNS[21], max_length=63)]

Port = Annotated[int, Field(ge=1, le=65535)]
Cores = Annotated[
    Decimal,
    BeforeValidator(_plain_number),
    Field(gt=0, le=256, decimal_places=3),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 256}),
]
