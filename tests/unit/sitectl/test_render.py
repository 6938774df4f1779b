"""`sitectl render`: printed, written, and as data; nothing of somebody else's is overwritten."""

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from components import recording, rendering
from sitectl.main import main
from tests.support.composing import compose, compose_bootstrap
from tests.unit.model.bad_sites import copy_of_stacks


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program folder of the test's own, entered."""
    (tmp_path / "Pulumi.yaml").write_text("name: iot-broker\n")
    copy_of_stacks(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_OPTION_CONFIG_FILE", raising=False)
    # What is written of a site is what these tests look at: the same site is composed once for all of them.
    monkeypatch.setattr(rendering, "compose", compose)
    monkeypatch.setattr(rendering, "compose_bootstrap", compose_bootstrap)
    return tmp_path


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose a site as often as it is rendered."""
    monkeypatch.setattr(rendering, "compose", recording.compose)
    monkeypatch.setattr(rendering, "compose_bootstrap", recording.compose_bootstrap)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["render", *arguments])


def test_a_site_is_printed_as_documents() -> None:
    documents = list(yaml.safe_load_all(run("eagle-ford").stdout))
    assert "EMQX" in {document.get("kind") for document in documents}


def test_a_site_is_written_with_an_index_of_its_files(program: Path) -> None:
    assert run("eagle-ford", "--out", "out").exit_code == 0
    folder = program / "out" / "eagle-ford"
    listed = {entry["path"]: entry["sha256"] for entry in yaml.safe_load((folder / "index.yaml").read_text())}
    written = {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "index.yaml"
    }
    assert listed == written


def test_an_earlier_rendering_is_replaced_whole(program: Path) -> None:
    run("eagle-ford", "--out", "out")
    stale = program / "out" / "eagle-ford" / "kubernetes" / "stale.yaml"
    stale.write_text("old: true\n")
    index = program / "out" / "eagle-ford" / "index.yaml"
    index.write_text(index.read_text() + '- {"path": "kubernetes/stale.yaml"}\n')
    assert run("eagle-ford", "--out", "out").exit_code == 0
    assert not stale.exists()
    assert [entry.name for entry in (program / "out").iterdir()] == ["eagle-ford"]


@pytest.mark.parametrize("name", ["notes.txt", "kubernetes/notes.txt"])
def test_what_was_put_into_a_rendering_is_not_deleted(program: Path, name: str) -> None:
    run("eagle-ford", "--out", "out")
    mine = program / "out" / "eagle-ford" / name
    mine.write_text("mine")
    result = run("eagle-ford", "--out", "out")
    assert result.exit_code == 1
    assert f"`{name}` was not rendered" in result.stderr
    assert mine.read_text() == "mine"


def test_a_link_in_the_place_of_a_rendering_is_not_followed(program: Path) -> None:
    elsewhere = program / "elsewhere"
    elsewhere.mkdir()
    (program / "out").mkdir()
    (program / "out" / "eagle-ford").symlink_to(elsewhere)
    assert run("eagle-ford", "--out", "out").exit_code == 1
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("out", ["", " "])
def test_a_folder_without_a_name_is_refused(program: Path, out: str) -> None:
    before = sorted(program.iterdir())
    assert run("eagle-ford", "--out", out).exit_code == 2
    assert sorted(program.iterdir()) == before


def test_a_folder_of_somebody_elses_is_not_touched(program: Path) -> None:
    folder = program / "out" / "eagle-ford"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    result = run("eagle-ford", "--out", "out")
    assert result.exit_code == 1
    assert "index.yaml is missing" in result.stderr
    assert [entry.name for entry in folder.iterdir()] == ["mine.txt"]


@pytest.mark.usefixtures("anew")
def test_all_sites_are_rendered_alike_one_by_one_and_together() -> None:
    together = json.loads(run("--all", "--json").stdout)["sites"]
    alone = [json.loads(run(site["site"], "--json").stdout)["sites"][0] for site in together]
    assert together == alone


def test_the_addresses_are_the_stacks_own_where_it_has_some(program: Path) -> None:
    authority = program / "ca.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\nb3Vycw==\n-----END CERTIFICATE-----\n")
    values = {
        "kubernetesContext": "field",
        "kubernetesHost": "https://kubernetes.field.example:6443",
        "kubernetesCaFile": str(authority),
        "vaultAddress": "https://vault.field.example:8200",
        "keycloakUrl": "https://login.field.example",
    }
    config = {"config": {f"iot-broker:{key}": value for key, value in values.items()}}
    (program / "stacks" / "Pulumi.eagle-ford.yaml").write_text(yaml.safe_dump(config))
    assert "https://login.field.example/realms/eagle-ford" in run("eagle-ford").stdout


def test_settings_that_are_wrong_are_told_without_a_traceback(program: Path) -> None:
    (program / "stacks" / "Pulumi.eagle-ford.yaml").write_text("config: {}\n")
    result = run("eagle-ford")
    assert result.exit_code == 1
    assert "iot-broker:vaultAddress: is missing" in result.stderr


def test_a_move_to_new_volumes_that_nobody_approved_is_refused(program: Path) -> None:
    file = program / "stacks" / "sites" / "eagle-ford.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub("approved: .*", 'approved: "0123456789abcdef"', text, count=1), encoding="utf-8")
    result = run("eagle-ford", "--out", "out")
    assert result.exit_code == 1
    assert "broker.storage.approved is `0123456789abcdef`" in result.stderr
    assert not (program / "out").exists()


def test_a_site_that_does_not_exist_is_refused() -> None:
    result = run("eagle-frod")
    assert result.exit_code == 1
    assert "did you mean `eagle-ford`?" in result.stderr


def test_nothing_named_is_a_question_not_an_answer() -> None:
    assert run().exit_code == 2
    assert run("eagle-ford", "--all").exit_code == 2
