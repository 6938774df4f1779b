"""Finding a JDK: the first `java` on PATH is not the last word."""

from pathlib import Path

import pytest

from lab.tools.errors import NoJavaError
from lab.tools.jdk import find_jdk


def jdk(home: Path, version: str, *, release: bool = True) -> Path:
    """Make a home whose `release` file, or else whose `java -version`, tells `version`."""
    (home / "bin").mkdir(parents=True)
    for name in ("java", "javac"):
        program = home / "bin" / name
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        program.chmod(0o755)
    if release:
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home.resolve()


def test_an_old_java_that_comes_first_on_path_is_passed_over(tmp_path: Path) -> None:
    old, new = jdk(tmp_path / "old", "17.0.15"), jdk(tmp_path / "new", "25.0.1")
    path = f"{old / 'bin'}:{new / 'bin'}"
    assert find_jdk(21, {"PATH": path}, ()) == new


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    named, on_path = jdk(tmp_path / "named", "21"), jdk(tmp_path / "path", "25")
    assert find_jdk(21, {"JAVA_HOME": str(named), "PATH": str(on_path / "bin")}, ()) == named


def test_an_old_java_home_is_passed_over(tmp_path: Path) -> None:
    old, new = jdk(tmp_path / "old", "17"), jdk(tmp_path / "new", "21.0.9")
    assert find_jdk(21, {"JAVA_HOME": str(old), "PATH": str(new / "bin")}, ()) == new


def test_the_usual_places_are_searched_newest_first(tmp_path: Path) -> None:
    jdk(tmp_path / "jvm" / "java-21", "21.0.2")
    newest = jdk(tmp_path / "jvm" / "temurin-25", "25")
    assert find_jdk(21, {}, (f"{tmp_path}/jvm/*",)) == newest


def test_a_link_on_path_leads_to_the_home(tmp_path: Path) -> None:
    home = jdk(tmp_path / "home", "25")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert find_jdk(21, {"PATH": str(tmp_path / "bin")}, ()) == home


def test_a_home_without_a_release_file_is_asked(tmp_path: Path) -> None:
    home = jdk(tmp_path / "home", "23.0.1", release=False)
    assert find_jdk(21, {"JAVA_HOME": str(home)}, ()) == home


def test_the_old_numbering_is_understood(tmp_path: Path) -> None:
    home = jdk(tmp_path / "home", "1.8.0_462")
    with pytest.raises(NoJavaError) as refused:
        find_jdk(21, {"JAVA_HOME": str(home)}, ())
    assert refused.value.found == ((home, 8),)


def test_a_runtime_without_a_compiler_is_no_jdk(tmp_path: Path) -> None:
    home = jdk(tmp_path / "home", "25")
    (home / "bin" / "javac").unlink()
    with pytest.raises(NoJavaError, match="none was found"):
        find_jdk(21, {"JAVA_HOME": str(home)}, ())


def test_the_refusal_names_every_jdk_that_is_too_old(tmp_path: Path) -> None:
    one, two = jdk(tmp_path / "one", "11"), jdk(tmp_path / "two", "17")
    with pytest.raises(NoJavaError, match="JDK 21 or later") as refused:
        find_jdk(21, {"PATH": f"{one / 'bin'}:{two / 'bin'}"}, ())
    assert refused.value.found == ((one, 11), (two, 17))
