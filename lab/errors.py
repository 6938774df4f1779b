"""What can go wrong with a lab: facts as types; `explanation` has the words for people, all in this one place."""

from dataclasses import dataclass
from pathlib import Path


class LabError(Exception):
    """A lab could not do what was asked."""


@dataclass
class ServerEndedError(LabError):
    """A server ended while it was starting."""

    server: str
    log: Path
    tail: tuple[str, ...]


@dataclass
class ServerNotReadyError(LabError):
    """A server runs but was not ready in time (seconds)."""

    server: str
    seconds: float
    log: Path
    tail: tuple[str, ...]


@dataclass
class ServerUnsettledError(LabError):
    """A server is up but refused what the lab gives it: the refused request and the server's words."""

    server: str
    problem: str


@dataclass
class StorageNotFormattedError(LabError):
    """A broker's empty storage could not be formatted: the last words of Kafka's own tool."""

    server: str
    words: str


@dataclass
class UnknownServerError(LabError):
    """There is no server of that name."""

    server: str
    known: tuple[str, ...]


@dataclass
class NoFreePortError(LabError):
    """No loopback port is free from `first` up to but not including `last`."""

    first: int
    last: int


@dataclass
class NotRunningError(LabError):
    """What was asked needs a running lab."""

    lab: str


@dataclass
class HistoryRefusedError(LabError):
    """Prometheus or promtool refused a history: their own words."""

    words: str


@dataclass
class PulumiFailedError(LabError):
    """The Pulumi CLI refused: its arguments, exit code, and last words."""

    arguments: tuple[str, ...]
    code: int
    words: str


def explanation(error: LabError) -> str:
    """Return what happened and what to do, in sentences."""
    match error:
        case ServerEndedError(server, log, tail):
            return f"{server} ended while starting. The last lines of {log}:\n{_quoted(tail)}"
        case ServerNotReadyError(server, seconds, log, tail):
            return (
                f"{server} runs but was not ready after {seconds:g} s. The last lines of {log}:\n{_quoted(tail)}\n"
                "On a busy machine: run `sitectl lab up` again, it goes on from here."
            )
        case ServerUnsettledError(server, problem):
            return f"{server} is up but refused what the lab gives it: {problem}"
        case StorageNotFormattedError(server, words):
            return f"the storage of {server} could not be formatted:\n{words}"
        case UnknownServerError(server, known):
            return f"there is no server {server!r}; there are {', '.join(known)}"
        case NoFreePortError(first, last):
            return (
                f"no port from {first} to {last - 1} of 127.0.0.1 is free: stop other servers, "
                "or remove a lab that is not used any more with `sitectl lab down --purge`"
            )
        case NotRunningError(lab):
            return f"the lab {lab!r} is not up: run `sitectl lab up` first"
        case HistoryRefusedError(words):
            return f"Prometheus refused the history: {words}"
        case PulumiFailedError(arguments, code, words):
            return f"`pulumi {' '.join(arguments)}` ended with {code}:\n{words}"
        case _:
            return str(error)


def _quoted(lines: tuple[str, ...]) -> str:
    return "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"
