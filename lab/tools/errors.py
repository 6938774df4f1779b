"""What can go wrong while the lab's tools are built or fetched: each error carries its facts, and says them once."""

from pathlib import Path

GIB = 1024**3


class ToolError(Exception):
    """Any failure to provide a tool; its text says what to do about it."""


class UnknownToolError(ToolError):
    """A tool was asked for that the lab does not have."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no tool {name!r}; there are {', '.join(known)}")
        self.name = name
        self.known = known


class NotEnoughDiskError(ToolError):
    """The file system of the cache has fewer free bytes than the missing builds need."""

    def __init__(self, folder: Path, needed: int, free: int, names: tuple[str, ...]) -> None:
        super().__init__(
            f"building {', '.join(names)} needs {needed / GIB:.1f} GiB in {folder}, and only "
            f"{free / GIB:.1f} GiB are free there; free some, or set IOT_BROKER_CACHE to a larger disk"
        )
        self.folder = folder
        self.needed = needed
        self.free = free
        self.names = names


class NoGoError(ToolError):
    """No Go compiler, or one older than the modules need."""

    def __init__(self, found: str | None, needed: str) -> None:
        have = f"Go {found} is installed" if found else "no `go` is on PATH"
        super().__init__(f"{have}, and the lab's servers need Go {needed} or later")
        self.found = found
        self.needed = needed


class NoJavaError(ToolError):
    """No JDK that is new enough at any of the usual places."""

    def __init__(self, needed: int, found: tuple[tuple[Path, int], ...]) -> None:
        seen = "; ".join(f"{home} is {version}" for home, version in found) or "none was found"
        super().__init__(
            f"a JDK {needed} or later is needed ({seen}); install one, or set JAVA_HOME to where it is"
        )
        self.needed = needed
        self.found = found


class CommandFailedError(ToolError):
    """A build's command ended with an error; `tail` is the end of what it wrote to `log`."""

    def __init__(self, task: str, exit_code: int, log: Path, tail: str) -> None:
        super().__init__(f"{task} failed with exit code {exit_code}; the end of {log}:\n{tail}")
        self.task = task
        self.exit_code = exit_code
        self.log = log
        self.tail = tail


class ChecksumError(ToolError):
    """Something that was fetched is not what was pinned."""

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(f"{what} is not what is pinned: expected {expected}, found {found}")
        self.what = what
        self.expected = expected
        self.found = found


class BuildCancelledError(ToolError):
    """The build was stopped, by Ctrl-C or because another one failed; it resumes where it was."""

    def __init__(self, task: str) -> None:
        super().__init__(f"{task} was stopped; run the same command again to resume it")
        self.task = task
