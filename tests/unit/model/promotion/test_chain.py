"""A record that was edited, cut off, moved or forged is found, with the file, the key and what would be right."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from model import load_site
from model.datafile import file_text
from model.edit import set_value
from model.estate import load_estate
from model.promotion import Chain, mistakes_with, read_chain
from model.warnings import warnings_of
from tests.support import records
from tests.support.records import SITE
from tests.unit.model.bad_sites import copy_of_stacks


@pytest.fixture
def stacks(data: Path) -> Path:
    """The data with three records of the sample site, whose file follows them."""
    return with_records(data)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same for all tests that put back what they change, which is held in the end."""
    made = with_records(copy_of_stacks(tmp_path_factory.mktemp("kept")))
    yield made
    assert problems(made) == []


def with_records(data: Path) -> Path:
    records.write(data, records.texts())
    in_phase(data, "parallel")
    return data


def in_phase(stacks: Path, phase: str) -> None:
    file = stacks / "sites" / f"{SITE}.yaml"
    file.write_text(set_value(file.read_text(), ("phase",), phase))


def problems(stacks: Path) -> list[str]:
    return [f"{error.file.name}: {error.key}: {error.problem}; {error.remedy}" for error in errors(stacks)]


def errors(stacks: Path) -> Any:
    return load_estate(stacks, [SITE]).errors


def put(stacks: Path, entry: dict[str, Any]) -> None:
    file = stacks / "promotions" / SITE / records.record_name(entry)
    file.write_text(file_text(entry, "../../promotion.schema.json"))


def test_a_chain_that_holds_has_nothing_to_say(stacks: Path) -> None:
    assert problems(stacks) == []
    chain = read_chain(stacks, SITE)
    assert [record.kind for record in chain.records] == ["promotion", "promotion", "rollback"]
    assert (chain.phase, chain.head) == ("parallel", records.chain()[-1]["content"])


def test_comments_and_style_are_not_part_of_a_record(stacks: Path) -> None:
    file = stacks / "promotions" / SITE / "0001-parallel.yaml"
    file.write_text(file.read_text().replace("passed: true", "passed:   true  # as it was"))
    assert problems(stacks) == []


LINES = [
    number
    for number, line in enumerate(records.texts()[f"promotions/{SITE}/0002-cutover.yaml"].split("\n"))
    if re.match(r"[ -]*[a-z_]+: \S", line)
]


@pytest.mark.parametrize("number", LINES)
def test_no_value_of_a_record_can_be_changed(kept: Path, number: int) -> None:
    file = kept / "promotions" / SITE / "0002-cutover.yaml"
    text = file.read_text()
    lines = text.split("\n")
    key, _, value = lines[number].partition(": ")
    lines[number] = f"{key}: {other(value)}"
    file.write_text("\n".join(lines))
    try:
        assert problems(kept)
    finally:
        file.write_text(text)


def other(value: str) -> str:
    swapped = value.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    return swapped if swapped != value else value.swapcase()


@pytest.mark.parametrize("name", ["0001-parallel.yaml", "0002-cutover.yaml"])
def test_a_missing_record_is_told(stacks: Path, name: str) -> None:
    (stacks / "promotions" / SITE / name).unlink()
    assert any(f"record `{name[:4]}` is missing; restore it" in problem for problem in problems(stacks))


def test_a_chain_that_is_cut_off_does_not_fit_the_sites_file(stacks: Path) -> None:
    (stacks / "promotions" / SITE / "0003-parallel.yaml").unlink()
    (problem,) = problems(stacks)
    assert "`parallel` is not what record 2 leads to: `cutover`" in problem
    for name in ("0002-cutover.yaml", "0002-cutover.approvals.yaml"):
        (stacks / "promotions" / SITE / name).unlink()
    in_phase(stacks, "cutover")
    (problem,) = problems(stacks)
    assert "`cutover` has no record: the records lead to `parallel`" in problem


def test_a_phase_without_any_record_is_refused(data: Path) -> None:
    in_phase(data, "parallel")
    (error,) = errors(data)
    assert (error.key, error.line) == ("phase", 9)
    assert "a phase is changed by `sitectl promote` or `sitectl rollback`" in error.remedy


def test_a_half_written_promotion_is_named_with_the_command_that_finishes_it(data: Path) -> None:
    records.write(data, records.texts(records.chain()[:1]))
    (problem,) = problems(data)
    assert f"the change is half made: `sitectl promote {SITE} --to parallel` finishes it" in problem


def test_another_record_in_place_of_one_breaks_the_chain(stacks: Path) -> None:
    put(
        stacks,
        records.record(2, "promotion", "parallel", "cutover", records.chain()[0]["content"], made_by="Else"),
    )
    assert any("0003-parallel.yaml: previous" in problem for problem in problems(stacks))
    assert any("rebase and promote again" in problem for problem in problems(stacks))


def test_two_records_of_one_number_are_a_fork(stacks: Path) -> None:
    before = records.chain()[1]["content"]
    put(stacks, records.record(3, "retirement", "cutover", "cutover", before))
    told = [problem for problem in problems(stacks) if "two records have the number 3" in problem]
    assert len(told) == 2
    assert all("rebase and promote again" in problem for problem in told)


def test_steps_that_cannot_be_are_told(data: Path) -> None:
    put_all = [records.record(1, "promotion", "pilot", "cutover", "none")]
    records.write(data, records.texts(put_all))
    in_phase(data, "cutover")
    assert any("a promotion does not lead from `pilot` to `cutover`" in problem for problem in problems(data))


def test_time_does_not_go_back(data: Path) -> None:
    first = records.record(1, "promotion", "pilot", "parallel", "none")
    late = records.record(
        2, "promotion", "parallel", "cutover", first["content"], made_at="2026-01-01T00:00:00Z"
    )
    records.write(data, records.texts([first, late]))
    in_phase(data, "cutover")
    assert any("0002-cutover.yaml: made_at" in problem for problem in problems(data))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "others"}, "`tests` is no signer"),
        ({"uses": ["approval"]}, "may not sign this"),
        ({"keys": [{"version": 2, "key": records.PUBLIC}]}, "version 1 of the key of `tests` is not known"),
        (
            {"keys": [{"version": 1, "key": records.PUBLIC, "until": "2026-01-01T00:00:00Z"}]},
            "was withdrawn",
        ),
        ({"method": "keyless", "keys": [], "authority": "-----BEGIN CERTIFICATE-----\n"}, "does not sign by"),
    ],
)
def test_a_signature_that_does_not_count_is_told(stacks: Path, change: dict[str, Any], words: str) -> None:
    text = file_text(records.signers(**change), "../signers.schema.json")
    (stacks / "promotions" / "signers.yaml").write_text(text)
    assert any(words in problem for problem in problems(stacks))


def test_a_signature_of_another_key_is_told(stacks: Path) -> None:
    entry = records.chain()[0]
    entry["signature"] = records.signed({**entry, "made_by": "Else"})["signature"]
    put(stacks, entry)
    assert any("the signature does not fit the content" in problem for problem in problems(stacks))


def test_an_approval_of_another_record_is_told(stacks: Path) -> None:
    file = stacks / "promotions" / SITE / "0001-parallel.approvals.yaml"
    file.write_text(file_text(records.approvals(records.chain()[1]), "../../approvals.schema.json"))
    assert any("approves another record than the one beside it" in problem for problem in problems(stacks))


def test_what_belongs_to_nothing_is_told(stacks: Path) -> None:
    (stacks / "promotions" / SITE / "0009-notes.txt").write_text("hm")
    (stacks / "promotions" / "eagle-fjord").mkdir()
    told = [f"{error.problem}; {error.remedy}" for error in load_estate(stacks).errors]
    assert "is no record; restore the record, or remove the file" in told
    assert "there is no site `eagle-fjord`; did you mean `eagle-ford`?" in told


def test_days_in_phase_and_the_rollback_window_come_from_the_records(stacks: Path) -> None:
    site, chain = load_site(stacks, SITE), read_chain(stacks, SITE)
    assert chain.entered(site) == date(2026, 11, 23)
    assert chain.days_in_phase(site, date(2026, 12, 1)) == 8
    ends = chain.window_ends(site)
    assert ends is not None
    assert ends.date() == date(2027, 2, 21)
    assert list(mistakes_with(stacks, site, chain)) == []


def test_before_any_record_the_pilots_first_day_counts(data: Path) -> None:
    site = load_site(data, SITE)
    assert Chain(SITE, ()).days_in_phase(site, date(2026, 8, 26)) == 2
    assert Chain(SITE, ()).window_ends(site) is None


def test_an_overdue_incumbent_is_a_warning(data: Path) -> None:
    records.write(data, records.texts(records.chain()[:2]))
    in_phase(data, "cutover")
    site, chain = load_site(data, SITE), read_chain(data, SITE)
    overdue = "is not retired: `sitectl retire eagle-ford`"
    assert not any(overdue in words for words in warnings_of(site, chain, date(2026, 12, 22)))
    assert any(overdue in words for words in warnings_of(site, chain, date(2026, 12, 23)))
