"""`sitectl new` writes a file that is valid as it stands, or nothing."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components import approvals
from components.data_move import template_digest
from model import load_site
from sitectl.main import main
from tests.support.shell import REPOSITORY

FLAGS = {
    "--kind": ["onshore-field"],
    "--started": ["2026-11-02"],
    "--title": ["Bakken: Williams County"],
    "--region": ["us-north-central"],
    "--domain": ["bakken.field.example"],
    "--organization": ["Bakken Field Operations"],
    "--edition": ["opensource"],
    "--broker-version": ["5.8.9"],
    "--time-zone": ["America/Chicago"],
    "--asset": ["pad-7=Well pad 7", "flare=Flare # 1"],
    "--pilot": ["pad-7"],
    "--owner": ["engineer:j-lund=Jo Lund", "operator:desk=Control desk"],
    "--zone": ["field=10.50.0.0/16", "field=fd00:50::/48", "dmz=10.51.0.0/24"],
    "--incumbent": ["Licensed IoT broker, release 4.9"],
    "--incumbent-address": ["mqtt-old.bakken.field.example"],
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program's folder of the test's own, where the command runs."""
    shutil.copytree(REPOSITORY / "stacks", tmp_path / "stacks")
    shutil.copy2(REPOSITORY / "Pulumi.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(site: str, **changed: list[str]) -> Result:
    flags = FLAGS | {f"--{name.replace('_', '-')}": values for name, values in changed.items()}
    arguments = [word for flag, values in flags.items() for value in values for word in (flag, value)]
    return CliRunner().invoke(main, ["new", site, *arguments])


def test_the_file_is_valid_and_holds_what_was_said(program: Path) -> None:
    result = run("bakken")
    assert (result.exit_code, result.stderr) == (0, "")
    site = load_site(program / "stacks", "bakken")
    assert (site.title, site.phase, str(site.started)) == ("Bakken: Williams County", "pilot", "2026-11-02")
    assert [asset.title for asset in site.assets] == ["Well pad 7", "Flare # 1"]
    assert {zone.name: len(zone.cidrs) for zone in site.network.zones} == {"field": 2, "dmz": 1}
    assert site.change.windows[0].zone == "America/Chicago"
    first = (program / "stacks" / "sites" / "bakken.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../site.schema.json"


def test_its_nodes_are_approved_from_the_start(program: Path) -> None:
    run("bakken")
    site = load_site(program / "stacks", "bakken")
    assert site.broker.storage.approved == template_digest(site)


def test_a_new_site_is_protected_and_its_file_says_nothing_about_it(program: Path) -> None:
    run("bakken")
    site = load_site(program / "stacks", "bakken")
    assert site.protect
    assert "protect" not in (program / "stacks" / "sites" / "bakken.yaml").read_text()


def test_it_approves_all_that_a_protected_site_must(program: Path) -> None:
    run("bakken")
    assert list(approvals.refusals(load_site(program / "stacks", "bakken"))) == []


def test_an_enterprise_site_names_its_licence(program: Path) -> None:
    assert run("bakken", edition=["enterprise"]).exit_code == 0
    licence = load_site(program / "stacks", "bakken").broker.licence
    assert licence is not None
    assert (licence.secret, licence.key) == ("broker-licence", "emqx.lic")


def test_every_mistake_is_told_and_nothing_is_written(program: Path) -> None:
    before = sorted(program.rglob("*"))
    result = run(
        "bakken", edition=["oss"], zone=["field=10.50.0.1/16"], pilot=["pad-8"], time_zone=["America/Karnes"]
    )
    assert result.exit_code == 1
    for mistake in ("`oss` is not one of", "10.50.0.0/16", "`pad-8` is not one of", "is not a time zone"):
        assert mistake in result.stderr
    assert "stacks/sites/bakken.yaml:" in result.stderr
    assert result.stderr.endswith("nothing was written.\n")
    assert sorted(program.rglob("*")) == before


def test_what_another_site_has_already_is_refused(program: Path) -> None:
    result = run("bakken", domain=["eagle-ford.field.example"])
    assert result.exit_code == 1
    assert "is also the domain of eagle-ford" in result.stderr
    assert not (program / "stacks" / "sites" / "bakken.yaml").exists()


def test_a_site_that_exists_is_never_written_over(program: Path) -> None:
    file = program / "stacks" / "sites" / "eagle-ford.yaml"
    before = file.read_bytes()
    result = run("eagle-ford")
    assert (result.exit_code, file.read_bytes()) == (1, before)
    assert "exists already" in result.stderr


@pytest.mark.parametrize("name", ["../bakken", "Bakken", "a b", "-x", "", "x" * 300])
def test_a_name_that_is_none_is_refused(program: Path, name: str) -> None:
    before = sorted(program.rglob("*"))
    result = run(name)
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    assert sorted(program.rglob("*")) == before


@pytest.mark.usefixtures("program")
def test_all_missing_flags_are_named_when_nobody_is_there_to_ask() -> None:
    result = CliRunner().invoke(main, ["new", "bakken", "--kind", "refinery", "--title", "Bakken"])
    assert result.exit_code == 1
    assert "--title" not in result.stderr
    for flag in FLAGS.keys() - {"--kind", "--started", "--title"}:
        assert flag in result.stderr


def test_a_text_cannot_add_a_line_of_its_own(program: Path) -> None:
    result = run("bakken", title=["Bakken\nprotect: false"])
    assert result.exit_code in (0, 1)
    if result.exit_code == 0:
        assert load_site(program / "stacks", "bakken").protect
