"""Finds a Java development kit that is new enough: the first `java` on PATH is often an older one."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lab.tools.errors import NoJavaError

OLDEST = 21

# Where package managers and installers put JDKs: Debian, Fedora, SDKMAN, asdf, mise, IDEs, Homebrew, macOS.
USUAL_PLACES = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/usr/local/lib/jvm/*",
    "/opt/java/*",
    "/opt/jdk*",
    "~/.sdkman/candidates/java/*",
    "~/.asdf/installs/java/*",
    "~/.local/share/mise/installs/java/*",
    "~/.jdks/*",
    "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "/home/linuxbrew/.linuxbrew/opt/openjdk*/libexec",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/Library/Java/JavaVirtualMachines/*/Contents/Home",
)


def find_jdk(
    oldest: int = OLDEST,
    environment: Mapping[str, str] = os.environ,
    places: Iterable[str] = USUAL_PLACES,
) -> Path:
    """Return the home of the first JDK of at least the major version `oldest`.

    Looks at JAVA_HOME, then at every `java` on PATH, then at `places` (newest first there).
    Raises `NoJavaError` with every JDK that was found to be too old.
    """
    too_old: dict[Path, int] = {}
    for home in _candidates(environment, places):
        version = _major_version(home)
        if version is None or home in too_old:
            continue
        if version >= oldest:
            return home
        too_old[home] = version
    raise NoJavaError(oldest, tuple(too_old.items()))


def _candidates(environment: Mapping[str, str], places: Iterable[str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home)
    for folder in environment.get("PATH", "").split(os.pathsep):
        if folder and (java := shutil.which("java", path=folder)):
            yield Path(java).resolve().parent.parent
    found = {home for place in places for home in _matches(place)}
    yield from sorted(found, key=lambda home: (_major_version(home) or 0, str(home)), reverse=True)
    if platform.system() == "Darwin" and (asked := _macos_home()):
        yield asked


def _matches(place: str) -> Iterator[Path]:
    pattern = Path(place).expanduser()
    for home in Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))):
        if (home / "bin" / "java").is_file():
            yield home.resolve()


def _major_version(home: Path) -> int | None:
    """Return 25 for a home whose `release` file or whose `java` says 25.0.1; None when it is not a JDK."""
    if not (home / "bin" / "java").is_file() or not (home / "bin" / "javac").is_file():
        return None
    try:
        said = (home / "release").read_text(errors="replace")
    except OSError:
        said = _ask_java(home / "bin" / "java")
    found = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None


def _ask_java(java: Path) -> str:
    try:
        return subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, check=False, timeout=30
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _macos_home() -> Path | None:
    answer = subprocess.run(
        ["/usr/libexec/java_home", "-v", f"{OLDEST}+"], capture_output=True, text=True, check=False
    )
    return Path(answer.stdout.strip()) if answer.returncode == 0 else None
