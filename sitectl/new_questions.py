"""What `sitectl new` asks, and a trial of the answers: each is checked as the site's file would be."""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_origin

if TYPE_CHECKING:
    from model import Site
    from model.errors import SiteError

Answers: TypeAlias = dict[str, Any]
"""A text, or a tuple of texts, by the name of the flag's value."""


@dataclass(frozen=True)
class Question:
    """One thing that only people know: the flag that gives it, what is asked for, and an example of an answer."""

    flag: str
    text: str
    example: str
    keys: tuple[str, ...] = ()
    """The site's keys that the answer sets: a mistake there is the answer's."""
    many: bool = False
    needed: bool = True

    @property
    def parameter(self) -> str:
        """The name of the flag's value."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that the model takes for the first of the keys; none where it takes any text."""
        from model import Site

        found: Any = Site
        for step in self.keys[0].split(".") if self.keys else ():
            found = found.model_fields[step].annotation
        return get_args(found) if get_origin(found) is Literal else ()


SITE = Question("SITE", "Name of the site", "bakken")
KIND = Question("--kind", "Kind of asset", "onshore-field", ("kind",))
QUESTIONS = (
    KIND,
    Question("--title", "Name for people", "Eagle Ford, Karnes County", ("title",)),
    Question("--region", "Region, for waves of promotion", "us-south-central", ("region",)),
    Question("--domain", "DNS suffix of the site's names", "eagle-ford.field.example", ("domain",)),
    Question(
        "--organization",
        "Organisation in its certificates",
        "Eagle Ford Field Operations",
        ("pki.organization",),
    ),
    Question(
        "--edition",
        "EMQX edition: opensource or enterprise",
        "opensource",
        ("broker.edition",),
    ),
    Question("--broker-version", "EMQX version", "5.8.9", ("broker.version", "broker.edition")),
    Question(
        "--time-zone",
        "Time zone of its working days",
        "America/Chicago",
        ("change.windows", "monitoring.business_hours"),
    ),
    Question("--asset", "Assets, NAME=TITLE", "pad-12=Well pad 12", ("assets",), many=True),
    Question("--pilot", "Names of the assets that the pilot listens to", "pad-12", ("scope",), many=True),
    Question(
        "--owner",
        "Who answers for it, ROLE:NAME=TITLE",
        "engineer:m-reyes=Marisol Reyes",
        ("owners",),
        many=True,
    ),
    Question("--zone", "Network zones, NAME=RANGE", "field=10.40.0.0/16", ("network",), many=True),
    Question(
        "--incumbent",
        "The broker that is replaced",
        "Licensed IoT broker, release 4.9",
        ("incumbent.product",),
    ),
    Question(
        "--incumbent-address",
        "DNS name of that broker",
        "mqtt-old.eagle-ford.field.example",
        ("incumbent.address",),
    ),
    Question(
        "--licence-ends",
        "Last day of that broker's licence",
        "2027-08-31",
        ("incumbent.licence_ends",),
        needed=False,
    ),
    Question(
        "--licence-cost",
        "What that licence costs in a year",
        "184000 USD",
        ("incumbent.licence_cost",),
        needed=False,
    ),
)


class Trial:
    """A copy of the data folder in which the new site's file is tried; nothing of it stays."""

    def __init__(self, stacks: Path, name: str) -> None:
        self.name = name
        self._stacks = stacks
        self._folder = tempfile.TemporaryDirectory()
        self._copy = Path(self._folder.name) / "stacks"

    def __enter__(self) -> "Trial":
        shutil.copytree(self._stacks, self._copy, symlinks=True, ignore=shutil.ignore_patterns("Pulumi.*"))
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def filled(self, given: Answers) -> Answers:
        """Return the answers, with the name, and with an example for each needed one that is not given yet."""
        first = str(given["asset"][0]).partition("=")[0] if given.get("asset") else "pad-12"
        examples: Answers = {
            question.parameter: (question.example,) if question.many else question.example
            for question in QUESTIONS
            if question.needed
        }
        # Names that another site has would be a mistake of the example's.
        unused = {"domain": f"{self.name}.example", "pilot": (first,)}
        return examples | unused | given | {"site": self.name}

    def site(self, given: Answers) -> "Site | tuple[SiteError, ...]":
        """Return the site as it would be, or every mistake, placed in the file as it would be."""
        from model.estate import load_estate
        from sitectl.new_file import text

        (self._copy / "sites" / f"{self.name}.yaml").write_text(text(self.filled(given)), encoding="utf-8")
        estate = load_estate(self._copy, [self.name])
        if not estate.errors:
            return estate.sites[0]
        return tuple(
            replace(error, file=self._stacks / error.file.relative_to(self._copy)) for error in estate.errors
        )

    def mistakes(self, question: Question, given: Answers) -> tuple["SiteError", ...]:
        """Return what is wrong with the answer to a question; nothing where there is none yet."""
        if question.parameter not in given:
            return ()
        found = self.site(given)
        if not isinstance(found, tuple):
            return ()
        return tuple(
            error
            for error in found
            if any(error.key == key or error.key.startswith((f"{key}.", f"{key}[")) for key in question.keys)
        )
