"""Draws from a seed what `make chaos` does, and keeps how far it is, so that it goes on where it was stopped."""

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from lab.files import write

Kind = Literal["first", "update", "destroy", "stopped", "hung", "full"]
_KILLED: tuple[Kind, ...] = ("first", "update", "destroy")
_LOST: tuple[Kind, ...] = ("stopped", "hung")
KILLS = 30
SERVERS = ("vault", "keycloak", "kube-apiserver", "etcd", "kafka-1", "opa", "operators")
"""Servers that a deployment needs, and those that it waits for by others."""
# A whole site has some 175 resources.
MOST_RESOURCES = 170


@dataclass(frozen=True)
class Trial:
    """One interruption: strike when the state has `resources` and something is under way; `server`, if it is one's."""

    number: int
    kind: Kind
    resources: int
    server: str = ""

    @property
    def words(self) -> str:
        """The trial as a person would name it."""
        of = {"stopped": f"{self.server} stopped", "hung": f"{self.server} hung", "full": "disk full"}.get(
            self.kind
        )
        return f"{of} in an up" if of else f"{'first up' if self.kind == 'first' else self.kind} killed"


@dataclass(frozen=True)
class Ended:
    """How a deployment ended that lost a server: seconds after that, exit code (None: it did not), and its errors."""

    seconds: float
    code: int | None
    words: tuple[str, ...]

    def __str__(self) -> str:
        if self.code is None:
            return f"not ended after {self.seconds:.0f} s"
        return f"ended with {self.code} after {self.seconds:.0f} s"


@dataclass(frozen=True)
class Result:
    """How a trial ended: `differences` from an undisturbed deployment, and what went wrong."""

    trial: Trial
    seconds: float
    recovered: int
    """How many things `sitectl recover` did."""
    differences: tuple[str, ...] = ()
    problem: str = ""
    restarted: tuple[str, ...] = ()
    """Servers that had to be started again: Vault, when the deletion of an engine was cut off."""
    ended: Ended | None = None
    """How the `up` ended whose server was stopped or hung."""
    struck: bool = True
    """Whether the deployment was interrupted before its own end."""

    @property
    def converged(self) -> bool:
        """Whether that `up` ended by itself, and one `up` more made the site what it would have been."""
        return (
            not self.differences and not self.problem and (self.ended is None or self.ended.code is not None)
        )


def trials(seed: int, kills: int = KILLS) -> Iterator[Trial]:
    """Yield the trials of a seed, always the same ones in the same order.

    The kinds come by turns: a campaign that is stopped early has something of each.
    """
    chance = random.Random(seed)  # noqa: S311 - chosen to be repeated
    drawn: list[tuple[Kind, int, str]] = [
        (kind, chance.randrange(1, MOST_RESOURCES), "") for kind in _KILLED for _ in range(kills)
    ]
    drawn += [(how, chance.randrange(20, MOST_RESOURCES - 20), server) for how in _LOST for server in SERVERS]
    drawn.append(("full", chance.randrange(20, MOST_RESOURCES - 20), ""))
    numbered = [Trial(number, *trial) for number, trial in enumerate(drawn)]
    by_kind = [[one for one in numbered if one.kind == kind] for kind in (*_KILLED, *_LOST, "full")]
    for turn in itertools.zip_longest(*by_kind):
        yield from (one for one in turn if one is not None)


class Record:
    """The results so far, in a file that each result is added to."""

    def __init__(self, file: Path, seed: int) -> None:
        self._file, self._seed = file, seed
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        # Another seed is another campaign.
        entries = known.get("results", []) if known.get("seed") == seed else []
        self.results = [_result(entry) for entry in entries]

    def has(self, trial: Trial) -> bool:
        """Say whether a trial has ended already."""
        return any(result.trial == trial for result in self.results)

    def add(self, result: Result) -> None:
        """Keep a result."""
        self.results.append(result)
        document = {"seed": self._seed, "results": [asdict(one) for one in self.results]}
        write(self._file, json.dumps(document, indent=2) + "\n")


def report(results: list[Result], seed: int) -> str:
    """Return the report as Markdown: a line for each kind, and each trial that did not converge in full."""
    lines = [
        f"# Interrupted deployments, seed {seed}",
        "",
        "| kind | trials | interrupted before their end | converged | longest |",
        "|---|--:|--:|--:|--:|",
    ]
    for kind in dict.fromkeys(result.trial.kind for result in results):
        of_kind = [result for result in results if result.trial.kind == kind]
        converged = sum(result.converged for result in of_kind)
        longest = max(result.seconds for result in of_kind)
        struck = sum(result.struck for result in of_kind)
        lines.append(f"| {kind} | {len(of_kind)} | {struck} | {converged} | {longest:.0f} s |")
    if restarted := sum(bool(result.restarted) for result in results):
        lines += ["", f"In {restarted} trials a server had to be started again before the recovery."]
    lost = [(result, result.ended) for result in results if result.ended]
    if lost:
        lines += ["", "| a server lost in an `up` | the `up` | its first error |", "|---|---|---|"]
    for result, ended in lost:
        said = ended.words[0].replace("|", "\\|") if ended.words else ""
        lines.append(f"| {result.trial.server} {result.trial.kind} | {ended} | {said} |")
    for result in results:
        if not result.converged:
            lines += [
                "",
                f"## {result.trial.number}: {result.trial.words}, at {result.trial.resources} resources",
                "",
            ]
            lines += [
                f"    {line}" for line in (*result.problem.splitlines()[-20:], *result.differences[:20])
            ]
    return "\n".join(lines) + "\n"


def errors(text: str) -> tuple[str, ...]:
    """Return the errors in what `pulumi` printed, a line each, without the engine's own sums."""
    found = (line.strip().removeprefix("error:").strip() for line in text.splitlines() if "error:" in line)
    return tuple(dict.fromkeys(line for line in found if line and line != "update failed"))


def _result(entry: dict[str, Any]) -> Result:
    ended = entry.get("ended")
    return Result(
        Trial(**entry["trial"]),
        entry["seconds"],
        entry["recovered"],
        tuple(entry["differences"]),
        entry["problem"],
        tuple(entry.get("restarted", ())),
        Ended(ended["seconds"], ended["code"], tuple(ended["words"])) if ended else None,
        entry.get("struck", True),
    )
