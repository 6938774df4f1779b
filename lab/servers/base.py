"""What every server of the lab is: where it lives, what it needs, how it starts, and how one sees that it is ready."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lab.certificates import Authority
from lab.ports import HOST, Ports
from lab.supervision import Launch

# The simulated nodes and the Kafka brokers stand in these zones, one of each in each.
ZONES = ("a", "b", "c")


@dataclass(frozen=True)
class Lab:
    """One lab as its servers see it; `tools` holds only what was asked for when the lab goes up."""

    name: str
    state: Path
    ports: Ports
    authority: Authority
    tools: Mapping[str, Path]

    def folder(self, name: str) -> Path:
        """Return a folder of the state, made readable by its owner alone."""
        folder = self.state / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def endpoint(self, port: str) -> str:
        """Return `127.0.0.1:PORT` of a named port."""
        return f"{HOST}:{self.ports[port]}"

    def url(self, port: str) -> str:
        """Return `https://127.0.0.1:PORT` of a named port."""
        return f"https://{self.endpoint(port)}"


class Server(ABC):
    """One server of the lab.

    `needs` names the servers that must be ready before; `ports` the ports it listens on (the first is the one
    that clients use); `tools` what `lab.tools.ensure` must have given.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    ports: ClassVar[tuple[str, ...]] = ()
    tools: ClassVar[tuple[str, ...]] = ()
    # Of `needs`: those whose restart makes this one start anew too.
    follows: ClassVar[tuple[str, ...]] = ()
    start_seconds: ClassVar[float] = 240.0
    stop_seconds: ClassVar[float] = 15.0

    @abstractmethod
    def launch(self, lab: Lab) -> Launch:
        """Write what the server reads at its start, and return how to start it."""

    @abstractmethod
    def is_ready(self, lab: Lab) -> bool:
        """Ask the server itself whether it does its work; False while nobody answers."""

    def is_alive(self, lab: Lab) -> bool:
        """Say whether the server can be worked on by `settle`: by default, whether it is ready."""
        return self.is_ready(lab)

    def settle(self, _lab: Lab) -> None:
        """Give a server that is alive what it must hold; run at every `up`, so it changes nothing twice."""
        return

    def version(self, _lab: Lab) -> str:
        """Return the version that the running server reports."""
        return ""

    def address(self, lab: Lab) -> str:
        """Return where clients reach the server; empty for one that nobody calls."""
        return lab.url(self.ports[0]) if self.ports else ""


def listing(*options: str, **named: object) -> tuple[str, ...]:
    """Return command-line options: `flag_name=value` becomes `--flag-name=value`, booleans in lower case."""
    return options + tuple(
        f"--{name.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in named.items()
    )
