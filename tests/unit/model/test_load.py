"""A site is loaded from its layers, or every file that stands in the way is named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from model import SiteErrors, Stacks, load_site, report, site_names
from model.document import Document, read_document
from model.errors import SiteError
from tests.unit.model.bad_sites import STACKS


def errors(data: Path, name: str = "eagle-ford") -> list[str]:
    with pytest.raises(SiteErrors) as caught:
        load_site(data, name)
    return [
        f"{error.file.relative_to(data)}:{error.line}: {error.key}: {error.problem}"
        for error in caught.value.errors
    ]


@pytest.mark.parametrize("name", site_names(STACKS))
def test_every_sample_site_loads_in_phase_pilot_and_unprotected(name: str) -> None:
    site = load_site(STACKS, name)
    assert (site.name, site.phase, site.protect) == (name, "pilot", False)


def test_there_is_a_sample_site_of_each_kind_and_edition() -> None:
    sites = [load_site(STACKS, name) for name in site_names(STACKS)]
    assert {(site.name, site.kind, site.broker.edition) for site in sites} == {
        ("eagle-ford", "onshore-field", "opensource"),
        ("north-cormorant", "offshore-platform", "enterprise"),
        ("baytown", "refinery", "opensource"),
    }


@pytest.mark.parametrize("name", site_names(STACKS))
@pytest.mark.parametrize("phase", ["parallel", "cutover"])
def test_a_promotion_is_a_change_of_one_line(data: Path, name: str, phase: str) -> None:
    file = data / "sites" / f"{name}.yaml"
    text = file.read_text().replace("phase: pilot", f"phase: {phase}")
    file.write_text(text.replace("  hot: 60d", "  hot: 180d" if phase == "cutover" else "  hot: 60d"))
    site = load_site(data, name)
    assert site.phase == phase
    assert set(site.assets_in_scope) == {asset.name for asset in site.assets}


def test_a_pilot_reaches_the_assets_in_its_scope_only() -> None:
    assert load_site(STACKS, "eagle-ford").assets_in_scope == ("pad-kenedy-12", "separator-runge")


@pytest.mark.parametrize("key", ["kind", "phase"])
@pytest.mark.parametrize("value", ["", "null", None])
def test_a_site_states_its_kind_and_phase(data: Path, key: str, value: str | None) -> None:
    file = data / "sites" / "eagle-ford.yaml"
    stated = next(line for line in file.read_text().splitlines() if line.startswith(f"{key}:"))
    file.write_text(file.read_text().replace(stated, f"{key}: {value}" if value is not None else "#"))
    assert [error.split(":", 2)[2] for error in errors(data)] == [f" {key}: is missing"]


def test_a_site_that_is_not_there_is_named_with_the_nearest_one() -> None:
    with pytest.raises(SiteErrors) as caught:
        load_site(STACKS, "eagle-frod")
    assert caught.value.errors[0].remedy == "did you mean `eagle-ford`?"


@pytest.mark.parametrize("name", ["../sites/eagle-ford", "", "/etc/passwd", "a\0b", "x" * 5000])
def test_a_name_that_is_none_finds_nothing(name: str) -> None:
    with pytest.raises(SiteErrors, match="there is no site"):
        load_site(STACKS, name)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (a_folder, "not a regular file"),
        (a_loop, "is a link, and data is never read through one"),
        (a_pipe, "not a regular file"),
        (lambda file: file.write_bytes(b"\x00\x01\x02\xff" * 100), "not UTF-8"),
        (lambda file: file.write_bytes(b"title: \x00x\n"), "control character '\\x00'"),
        (lambda file: file.write_bytes("protect: false".encode("utf-16")), "not UTF-8"),
        (lambda file: file.write_bytes(b"# " + b"x" * 2**20), "larger than 1 MiB"),
        (lambda file: file.write_text(""), "is empty"),
    ],
)
@pytest.mark.parametrize("layer", ["defaults", "profiles/onshore-field", "phases/pilot", "sites/eagle-ford"])
def test_a_file_that_cannot_be_read_is_said_to_be_so(
    data: Path, layer: str, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(data / f"{layer}.yaml")
    found = errors(data)
    assert len(found) == 1
    assert found[0].startswith(f"{layer}.yaml:")
    assert words in found[0]


@pytest.mark.parametrize("layer", ["defaults", "profiles/onshore-field", "phases/pilot"])
def test_a_layer_that_is_not_there_is_said_to_be_so(data: Path, layer: str) -> None:
    (data / f"{layer}.yaml").unlink()
    assert errors(data) == [f"{layer}.yaml:None: : cannot be read: no such file or directory"]


def test_a_file_without_permission_is_said_to_be_so(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert any("permission denied" in error for error in errors(data))


def test_errors_of_all_layers_are_reported_together(data: Path) -> None:
    (data / "defaults.yaml").write_text((data / "defaults.yaml").read_text() + "colour: green\n")
    for layer, right, wrong in (
        ("profiles/onshore-field", "4GiB", "4 GB"),
        ("phases/pilot", "hot: 30d", "hot: [30d]"),
        ("sites/eagle-ford", "region:", "reigon:"),
    ):
        file = data / f"{layer}.yaml"
        file.write_text(file.read_text().replace(right, wrong))
    assert [error.rsplit(": ", 1)[0] for error in errors(data)] == [
        f"defaults.yaml:{len((data / 'defaults.yaml').read_text().splitlines())}: colour",
        "profiles/onshore-field.yaml:8: broker.memory",
        "phases/pilot.yaml:36: retention.hot",
        "sites/eagle-ford.yaml:None: region",
        "sites/eagle-ford.yaml:11: reigon",
    ]


def test_a_broken_layer_does_not_hide_the_mistakes_of_the_others(data: Path) -> None:
    (data / "defaults.yaml").write_text("colour: [green\n")
    site = data / "sites" / "eagle-ford.yaml"
    site.write_text(site.read_text().replace("region: ", "reigon: "))
    assert [error.split(":")[0] for error in errors(data)] == ["defaults.yaml", "sites/eagle-ford.yaml"]


def test_a_mistake_that_a_later_layer_covers_is_found_too(data: Path) -> None:
    profile = data / "profiles" / "onshore-field.yaml"
    line = len(profile.read_text().splitlines()) + 1
    profile.write_text(profile.read_text() + "retention: {hot: a month}\n")
    assert errors(data) == [f"profiles/onshore-field.yaml:{line}: retention.hot: `a month` is not a duration"]


def test_a_missing_value_is_asked_for_in_the_sites_own_file(data: Path) -> None:
    (data / "profiles" / "onshore-field.yaml").write_text("broker: {cores: 2}\n")
    assert {error.split(":")[0] for error in errors(data)} == {"sites/eagle-ford.yaml"}


def test_files_are_read_once_however_many_sites_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def reading(file: Path) -> Document:
        read.append(file)
        return read_document(file)

    monkeypatch.setattr("model.load.read_document", reading)
    stacks = Stacks(STACKS)
    assert all(stacks.layers(name).site for name in stacks.names())
    assert len(read) == len(set(read))


def test_a_report_counts_what_it_lists() -> None:
    error = SiteError(Path("sites/x.yaml"), 3, "region", "is missing", "add it")
    assert report([error]) == (
        "sites/x.yaml:3: region: is missing\n    add it\n1 mistake in the site data; nothing was touched."
    )
    assert report([error, error]).endswith("2 mistakes in the site data; nothing was touched.")
