"""Each thing that a site file may not say is refused, with the words that stand beside it."""

from pathlib import Path

import pytest

from tests.unit.model.bad_sites import BAD, cases, copy_of_stacks, errors_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy of the data for all cases: each writes the site's own file anew, and nothing else."""
    return copy_of_stacks(tmp_path_factory.mktemp("bad"))


@pytest.mark.parametrize("case", cases())
def test_is_refused_with_the_expected_words(data: Path, case: str) -> None:
    assert errors_of(data, case) == (BAD / f"{case}.txt").read_text()


def test_every_expected_report_belongs_to_a_case() -> None:
    assert {file.stem for file in BAD.glob("*.txt")} == set(cases())
