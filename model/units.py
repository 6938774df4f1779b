"""Quantities as people write them (`90d`, `64MiB`, `500/s`, `99.5%`, `180000 USD`), parsed once into frozen values."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema


class UnitError(ValueError):
    """A text that is not a quantity: what is wrong with it, and what would be right."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Unit:
    """What all quantities have in common: they come from text, and go back to the same text."""

    PATTERN: ClassVar[str]
    EXAMPLES: ClassVar[tuple[str, ...]]
    MEANING: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the quantity from text; raises UnitError."""
        raise NotImplementedError

    @classmethod
    def refusal(cls) -> UnitError:
        """Word the error for a text that does not follow the pattern."""
        examples = " or ".join(f"`{example}`" for example in cls.EXAMPLES)
        return UnitError(f"is not {cls.MEANING}", f"write it like {examples}")

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _accepting(cls), serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": cls.PATTERN, "examples": list(cls.EXAMPLES)}


def _accepting(cls: type[Unit]) -> Callable[[object], Unit]:
    def accept(value: object) -> Unit:
        if isinstance(value, cls):
            return value
        try:
            if not isinstance(value, str):
                raise cls.refusal()
            return cls.parse(value)
        except UnitError as error:
            raise _refused(error.problem, error.remedy) from error

    return accept


@dataclass(frozen=True, slots=True, order=True)
class Duration(Unit):
    """A span of time in whole seconds; a day has 24 hours."""

    seconds: int

    PATTERN: ClassVar[str] = (
        r"^(?=\d)(\d{1,6}w)?(\d{1,6}d)?(\d{1,7}h)?(\d{1,9}m)?(\d{1,10}s)?$"  # largest unit first
    )
    EXAMPLES: ClassVar[tuple[str, ...]] = ("30s", "15m", "1h30m", "90d")
    MEANING: ClassVar[str] = "a duration"
    UNITS: ClassVar[dict[str, int]] = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
    LONGEST: ClassVar[int] = 100 * 365 * 86_400

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `90d`, `1h30m`, `2w`: units w, d, h, m and s, the largest first, each once."""
        if not re.match(cls.PATTERN, text, re.ASCII) or text.endswith("\n"):
            raise cls.refusal()
        parts = re.findall(r"(\d+)([wdhms])", text)
        seconds = sum(int(number) * cls.UNITS[unit] for number, unit in parts)
        if seconds > cls.LONGEST:
            raise UnitError("is longer than 100 years", "give a shorter duration")
        return cls(seconds)

    @property
    def milliseconds(self) -> int:
        """The span in milliseconds, as Kafka wants it."""
        return self.seconds * 1000

    def __str__(self) -> str:
        return self._compound(("d", "h", "m", "s")) or "0s"

    def vault(self) -> str:
        """Whole seconds as text: what Vault gives back, so that a preview shows no change."""
        return str(self.seconds)

    def go(self) -> str:
        """Go's own canonical form (`2160h0m0s`, `5m0s`): what Keycloak's provider gives back."""
        hours, rest = divmod(self.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        if hours:
            return f"{hours}h{minutes}m{seconds}s"
        return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"

    def prometheus(self) -> str:
        """Prometheus' form: the shortest with units d, h, m and s."""
        return str(self)

    def _compound(self, units: tuple[str, ...]) -> str:
        text, rest = "", self.seconds
        for unit in units:
            count, rest = divmod(rest, self.UNITS[unit])
            text += f"{count}{unit}" if count else ""
        return text


@dataclass(frozen=True, slots=True, order=True)
class Bytes(Unit):
    """An amount of memory or storage in bytes."""

    count: int

    PATTERN: ClassVar[str] = r"^\d{1,12}(B|KiB|MiB|GiB|TiB)$"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("512KiB", "64MiB", "8GiB")
    MEANING: ClassVar[str] = "an amount of bytes"
    UNITS: ClassVar[dict[str, int]] = {"TiB": 2**40, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "B": 1}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `64MiB`: a whole number and one of B, KiB, MiB, GiB, TiB (powers of 1024)."""
        found = re.fullmatch(r"(\d{1,12})(B|KiB|MiB|GiB|TiB)", text, re.ASCII)
        if found is None:
            raise cls.refusal()
        return cls(int(found[1]) * cls.UNITS[found[2]])

    def __str__(self) -> str:
        for unit, size in self.UNITS.items():
            if self.count >= size and self.count % size == 0:
                return f"{self.count // size}{unit}"
        return "0B"

    def kubernetes(self) -> str:
        """Kubernetes' quantity (`64Mi`; plain bytes have no suffix)."""
        return str(self).removesuffix("B")


@dataclass(frozen=True, slots=True, order=True)
class Rate(Unit):
    """A number of events in a second."""

    count: int

    PATTERN: ClassVar[str] = r"^\d{1,9}/s$"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("500/s",)
    MEANING: ClassVar[str] = "a rate"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `500/s`: a whole number of events per second."""
        if not re.fullmatch(r"\d{1,9}/s", text, re.ASCII):
            raise cls.refusal()
        return cls(int(text.removesuffix("/s")))

    @property
    def per(self) -> str:
        """The unit of time: always a second."""
        return "s"

    def __str__(self) -> str:
        return f"{self.count}/s"


@dataclass(frozen=True, slots=True, order=True)
class Percentage(Unit):
    """A share of a whole, from 0 % to 100 %."""

    value: Decimal

    PATTERN: ClassVar[str] = r"^\d{1,3}(\.\d{1,6})?%$"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("99.5%",)
    MEANING: ClassVar[str] = "a percentage"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `99.5%`: a decimal number from 0 to 100 and the sign."""
        if not re.fullmatch(r"\d{1,3}(\.\d{1,6})?%", text, re.ASCII):
            raise cls.refusal()
        value = Decimal(text.removesuffix("%"))
        if value > 100:
            raise UnitError("is more than 100%", "give a share of the whole, like `99.5%`")
        return cls(value)

    @property
    def ratio(self) -> Decimal:
        """The share as a number from 0 to 1."""
        return self.value / 100

    def __str__(self) -> str:
        return f"{self.value.normalize():f}%"


@dataclass(frozen=True, slots=True)
class Money(Unit):
    """An amount of money in one currency; amounts of different currencies do not compare."""

    amount: Decimal
    currency: str

    PATTERN: ClassVar[str] = r"^\d{1,12}(\.\d{1,2})? [A-Z]{3}$"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("180000 USD", "99.50 EUR")
    MEANING: ClassVar[str] = "an amount of money"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `180000 USD`: a decimal number, a space and the currency's three letters (ISO 4217)."""
        if not re.fullmatch(r"\d{1,12}(\.\d{1,2})? [A-Z]{3}", text, re.ASCII):
            raise cls.refusal()
        amount, _, currency = text.partition(" ")
        return cls(Decimal(amount), currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


def between(
    lowest: Duration | Bytes | Rate, highest: Duration | Bytes | Rate | None = None
) -> AfterValidator:
    """Make the bounds of a quantity, both allowed; for the type of a field: `Annotated[Bytes, between(…)]`."""

    def check(value: Any) -> Any:
        if value < lowest:
            raise _refused("is too little", f"write {lowest} or more")
        if highest is not None and value > highest:
            raise _refused("is too much", f"write {highest} or less")
        return value

    return AfterValidator(check)


SomeRate = Annotated[Rate, between(Rate(1))]
"""A rate that lets something through."""


def _refused(problem: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("unit", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})
