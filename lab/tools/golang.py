"""Builds Go programs from pinned modules, with module and build caches of the build's own."""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.tools.bench import Bench, inherited
from lab.tools.errors import ChecksumError, CommandFailedError, NoGoError

SOURCES = Path(__file__).parents[1] / "go"


def module_version(go_mod: Path, module: str) -> str:
    """Return the version of `module` that `go_mod` requires, such as "v1.37.2"."""
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if not found:
        raise LookupError(f"{go_mod} does not require {module}")
    return found[1]


def environment(work: Path) -> dict[str, str]:
    """Return Go's settings for commands that leave nothing outside `work` and change no pin."""
    return {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOMODCACHE": str(work / "modules"),
        "GOCACHE": str(work / "compiled"),
        "GOTELEMETRY": "off",
    }


def check_compiler(needed: str) -> None:
    """Raise `NoGoError` unless a Go compiler of at least the version `needed` ("1.26.7") is installed."""
    try:
        said = subprocess.run(
            ["go", "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd="/"
        ).stdout
    except FileNotFoundError:
        raise NoGoError(None, needed) from None
    found = re.match(r"go(\d+(?:\.\d+)*)", said)
    if not found or _numbers(found[1]) < _numbers(needed):
        raise NoGoError(found[1] if found else said.strip(), needed)


def go_line(go_mod: Path) -> str:
    """Return the Go version that a go.mod asks for, such as "1.26.0"."""
    found = re.search(r"^go (\S+)", go_mod.read_text(), re.MULTILINE)
    return found[1] if found else "1.26.0"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


@dataclass(frozen=True)
class Program:
    """One executable: `package` is built into `output`, relative to the tool's folder.

    `variables` are set by the linker (`-X`); `{version}` in them stands for the tool's version.
    """

    package: str
    output: str
    tags: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    def command(self, result: Path, version: str) -> list[str | Path]:
        """Return the `go build` that makes this program below `result`."""
        settings = [f"-X {name}={value.format(version=version)}" for name, value in self.variables]
        return [
            "go",
            "build",
            "-v",
            "-trimpath",
            f"-tags={','.join(self.tags)}",
            f"-ldflags={' '.join(['-s', '-w', *settings])}",
            "-o",
            result / self.output,
            self.package,
        ]


def build(bench: Bench, module: Path, programs: Sequence[Program]) -> None:
    """Build `programs` of the Go module in the folder `module` into the bench's result."""
    check_compiler(go_line(module / "go.mod"))
    temporary = bench.work / "temporary"
    temporary.mkdir(exist_ok=True)
    for program in programs:
        bench.run(
            f"compiling {Path(program.output).name}",
            program.command(bench.result, bench.version),
            folder=module,
            environment={**environment(bench.work), "GOTMPDIR": str(temporary)},
            counting="packages and modules",
        )


def unpack(bench: Bench, module: str, version: str, checksum: str) -> Path:
    """Return the folder of a module's source in the build's module cache, fetched when absent.

    `checksum` is the one a go.sum would hold ("h1:…"). Raises `ChecksumError` when another was served.
    """
    answer = bench.work / "answer.json"
    command = f"go mod download -json {module}@{version}"
    bench.say(f"fetching {module} {version}")
    with answer.open("w") as output, bench.log.open("ab") as log:
        done = subprocess.run(
            command.split(),
            stdout=output,
            stderr=log,
            cwd=bench.work,
            env={**inherited(), **environment(bench.work)},
            check=False,
        )
    facts: dict[str, str] = json.loads(answer.read_text() or "{}")
    answer.unlink()
    if done.returncode != 0:
        raise CommandFailedError(command, done.returncode, bench.log, facts.get("Error", ""))
    if facts["Sum"] != checksum:
        raise ChecksumError(f"{module} {version}", checksum, facts["Sum"])
    return Path(facts["Dir"])
