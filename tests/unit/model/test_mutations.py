"""Whatever happens to a data file, the answer is a valid site or clean errors, never a traceback."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as any_

from model import SiteError, Stacks, load_site, report
from model.promotion import read_chain
from model.promotion.files import report_mistakes, shared_mistakes
from tests.support import records
from tests.unit.model.bad_sites import STACKS, copy_of_stacks

# The sample sites are in their pilot: records and reports are the tests' own.
EVIDENCE = records.texts() | records.report_texts()
TEXTS = {str(file.relative_to(STACKS)): file.read_text() for file in STACKS.rglob("*.yaml")} | EVIDENCE
FILES = tuple(sorted(TEXTS))
SITES = Stacks(STACKS).names()
# A phase that no sample site is in is read by itself alone.
USED_BY = {
    **{f"sites/{name}.yaml": name for name in SITES},
    **{f"profiles/{load_site(STACKS, name).kind}.yaml": name for name in SITES},
}
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
        stacks = copy_of_stacks(Path(folder))
        records.write(stacks, EVIDENCE)
        yield stacks


def answer(stacks: Path, file: str, content: bytes) -> tuple[SiteError, ...]:
    """Return the errors of a site that uses the file, with other content in it; anything else is raised."""
    (stacks / file).write_bytes(content)
    try:
        if not is_layer(file):
            chain = read_chain(stacks, records.SITE)
            shared = shared_mistakes(stacks, SITES)
            return (*chain.errors, *report_mistakes(stacks, records.SITE), *shared)
        loaded = Stacks(stacks)
        errors = loaded.errors_in(stacks / file)
        layers = loaded.layers(USED_BY.get(file, SITES[0]))
        assert layers.errors or layers.site is not None
        return (*errors, *layers.errors)
    finally:
        (stacks / file).write_text(TEXTS[file])


def is_layer(file: str) -> bool:
    return file.partition("/")[0] in ("defaults.yaml", "profiles", "phases", "sites")


def check(stacks: Path, file: str, content: bytes) -> None:
    """Hold the answer to its promise: each error has words and a place, in text that any terminal can show."""
    errors = answer(stacks, file, content)
    last = 2 + max(content.count(b"\n"), *LINES.values())
    assert all(error.problem and error.remedy for error in errors)
    assert all(error.line is None or 1 <= error.line <= last for error in errors)
    assert all(line.isprintable() for line in report(errors).split("\n"))


# `make test` asks for ten thousand cases in all.
EACH = int(os.environ.get("IOT_BROKER_MUTATIONS", "250"))
many = settings(
    max_examples=EACH,
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
