"""Whatever happens to a data file, the answer is a valid site or clean errors, never a traceback."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as any_

from model import Site, SiteErrors, load_site, report
from tests.unit.model.bad_sites import STACKS, copy_of_stacks

FILES = ("defaults.yaml", "profiles/onshore-field.yaml", "phases/pilot.yaml", "sites/eagle-ford.yaml")
TEXTS = {file: (STACKS / file).read_text() for file in FILES}
LINES = {file: len(text.splitlines()) for file, text in TEXTS.items()}
VALUES = [
    "", "null", "true", "on", "-1", "0", "1e9", ".nan", "0x1F", "1_000", "5.8", "9" * 400, "''", "[]", "{}", "[[]]",
    "[{name: x}]", "{name: x}", "[null]", "*a", "&a b", "!!int '3'", "|", ">-", "? x", "- x", "a: b", "90 days", "-5m",
    "99999999w", "64Mi", "1000%", "500/m", "ot/#", "é\u202e", "'\\'", '"\\ud800"', '"\\0"', "\t", "---", "...",
    "%YAML 9",
]  # fmt: skip


@pytest.fixture(scope="module")
def spoilt() -> Iterator[Path]:
    """One copy of the data for all mutations; each test puts back what it changed."""
    with tempfile.TemporaryDirectory() as folder:
        yield copy_of_stacks(Path(folder))


def answer(stacks: Path, file: str, content: bytes) -> Site | SiteErrors:
    """Load the site with other content in one file; anything but a site or clean errors is raised."""
    (stacks / file).write_bytes(content)
    try:
        return load_site(stacks, "eagle-ford")
    except SiteErrors as errors:
        return errors
    finally:
        (stacks / file).write_text(TEXTS[file])


def check(stacks: Path, file: str, content: bytes) -> None:
    """Hold the answer to its promise: each error has words and a place, in text that any terminal can show."""
    found = answer(stacks, file, content)
    if isinstance(found, Site):
        return
    last = 2 + max(content.count(b"\n"), *LINES.values())
    assert found.errors
    assert all(error.problem and error.remedy for error in found.errors)
    assert all(error.line is None or 1 <= error.line <= last for error in found.errors)
    assert all(line.isprintable() for line in report(found.errors).split("\n"))


many = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@many
@given(any_.sampled_from(FILES), any_.integers(0, 10_000), any_.sampled_from(VALUES) | any_.text(max_size=8))
def test_another_value_for_a_key(spoilt: Path, file: str, where: int, value: str) -> None:
    lines = TEXTS[file].split("\n")
    keyed = [number for number, line in enumerate(lines) if ":" in line and not line.lstrip().startswith("#")]
    number = keyed[where % len(keyed)]
    lines[number] = lines[number].split(":", 1)[0] + ": " + value
    check(spoilt, file, "\n".join(lines).encode("utf-8", "surrogatepass"))


@many
@given(
    any_.sampled_from(FILES), any_.integers(0, 10_000), any_.integers(0, 10_000), any_.sampled_from("dxmiou")
)
def test_lines_that_go_move_or_are_repeated(
    spoilt: Path, file: str, where: int, other: int, how: str
) -> None:
    lines = TEXTS[file].split("\n")
    one, two = where % len(lines), other % len(lines)
    match how:
        case "d":
            del lines[one]
        case "x":
            lines[one], lines[two] = lines[two], lines[one]
        case "m":
            lines.insert(two, lines[one])
        case "i":
            lines[one] = "  " + lines[one]
        case "o":
            lines[one] = lines[one].lstrip()
        case _:
            lines[one] = lines[one].replace("e", "", 1)
    check(spoilt, file, "\n".join(lines).encode())


@many
@given(
    any_.sampled_from(FILES),
    any_.integers(0, 100_000),
    any_.binary(min_size=1, max_size=4),
    any_.integers(0, 9),
)
def test_bytes_that_change(spoilt: Path, file: str, where: int, new: bytes, cut: int) -> None:
    content = TEXTS[file].encode()
    at = where % len(content)
    check(spoilt, file, content[:at] + new + content[at + cut :])
