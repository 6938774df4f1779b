"""The data folder as a whole: sites do not collide, and shared files that no site uses are checked too."""

from pathlib import Path

from model.estate import load_estate


def problems(data: Path, *names: str) -> list[str]:
    return [f"{error.file.relative_to(data)}: {error.problem}" for error in load_estate(data, names).errors]


def test_the_sample_sites_are_an_estate(data: Path) -> None:
    estate = load_estate(data)
    assert not estate.errors
    assert [site.name for site in estate.sites] == ["baytown", "eagle-ford", "north-cormorant"]


def test_two_sites_do_not_share_a_domain(data: Path) -> None:
    site = data / "sites" / "baytown.yaml"
    site.write_text(site.read_text().replace("baytown.refinery.example", "eagle-ford.field.example"))
    assert problems(data) == [
        "sites/baytown.yaml: `eagle-ford.field.example` is also the domain of eagle-ford",
        "sites/eagle-ford.yaml: `eagle-ford.field.example` is also the domain of baytown",
    ]
    assert problems(data, "baytown") == problems(data)[:1]


def test_a_phase_that_no_site_is_in_is_checked(data: Path) -> None:
    (data / "phases" / "cutover.yaml").write_text("retention: {hot: long}\n")
    assert problems(data) == ["phases/cutover.yaml: `long` is not a duration"]
    assert problems(data, "eagle-ford") == []


def test_a_file_that_nothing_reads_is_named(data: Path) -> None:
    (data / "sites" / "karnes.yml").write_text("name: karnes\n")
    assert problems(data) == ["sites/karnes.yml: is not read: only `.yaml` files are"]


def test_a_folder_without_sites_is_named(tmp_path: Path) -> None:
    assert "sites: holds no site" in problems(tmp_path)


def test_mistakes_of_a_shared_file_are_reported_once(data: Path) -> None:
    defaults = data / "defaults.yaml"
    defaults.write_text(defaults.read_text() + "colour: green\n")
    assert problems(data) == ["defaults.yaml: `colour` is not a known key"]
