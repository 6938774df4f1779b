"""What a command is given wrongly gets a remedy that can be followed, for every verb that takes a site."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sitectl import entry
from tests.support.verbs import leaves
from tests.unit.model.bad_sites import copy_of_stacks

REPOSITORY = Path(__file__).parents[3]
NO_NAMES = ("", ".", "..", "../stacks", "/etc", "a/b", "eagle-frod", "x" * 300, "\x1b[31m")
# What a verb needs beside the site, to come as far as looking for it.
REST = {
    "rights": ("vault", "deployer"),
    "promote": ("--to", "parallel"),
    "approve": ("--check",),
    "destroy": ("--yes",),
    "recover": ("--yes",),
}
IMPOSSIBLE = ("restore the record", "remove it", "remove the file")


def takes_a_site(command: click.Command) -> bool:
    return any(
        isinstance(parameter, click.Argument) and parameter.name in ("site", "sites")
        for parameter in command.params
    )


VERBS = [
    path for path, command in leaves() if takes_a_site(command) and path not in (("new",), ("lab", "up"))
]
OPTIONS = {path: {option for p in command.params for option in p.opts} for path, command in leaves()}


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_of_stacks(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: iot-broker\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kit in which nothing may be written, for all calls that are refused: this is held in the end."""
    folder = tmp_path_factory.mktemp("still")
    copy_of_stacks(folder)
    (folder / "Pulumi.yaml").write_text("name: iot-broker\n")
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    yield folder
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_there_are_verbs_that_take_a_site() -> None:
    assert {("explain",), ("rules",), ("lab", "history"), ("promote",)} <= set(VERBS)


@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_name_that_is_no_sites_gets_a_remedy_that_helps(
    still: Path,
    verb: tuple[str, ...],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(still)
    options = OPTIONS[verb]
    rest = [word for word in REST.get(verb[-1], ()) if not word.startswith("--") or word in options]
    assert entry.run((*verb, name, *rest)) == 1
    words = capsys.readouterr().err
    assert "there is no site" in words
    assert "eagle-ford" in words
    for remedy in IMPOSSIBLE:
        assert remedy not in words
    assert "\x1b" not in words


def test_with_no_site_at_all_the_remedy_is_to_write_one(
    kit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (kit / "stacks" / "sites").iterdir():
        file.unlink()
    assert entry.run(("render", "bakken")) == 1
    words = capsys.readouterr().err
    assert "write the first one: `sitectl new SITE`" in words
    assert "remove it" not in words


@pytest.mark.usefixtures("kit")
def test_a_signer_that_there_is_not_is_added(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(("signers", "refresh", "nope")) == 1
    words = capsys.readouterr().err
    assert "`sitectl signers add`" in words
    assert "remove it" not in words


@pytest.mark.usefixtures("kit")
@pytest.mark.parametrize("file", ["", ".", "stacks/reports/eagle-ford/polcy.yaml"])
def test_a_file_that_is_no_report_gets_the_name_of_one(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(("sign", file)) == 1
    assert "stacks/reports/SITE/policy.yaml" in capsys.readouterr().err


MEANT = {
    "brokr.replicas": "`broker.replicas`",
    "brokr": "`broker`",
    "replicas": "`broker.replicas`",
    "replcas": "`broker.replicas`",
    "streams.topics.rwa": "`streams.topics.raw`",
    "broker.licens": "`broker.licence`",
    "owners.m-reys": "`owners.m-reyes`",
}


@pytest.mark.usefixtures("kit")
@pytest.mark.parametrize("typed", MEANT)
def test_explain_says_which_key_was_meant(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(("explain", "eagle-ford", typed)) == 1
    assert f"did you mean {MEANT[typed]}" in capsys.readouterr().err


@pytest.mark.usefixtures("kit")
def test_explain_lists_few_keys_where_none_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(("explain", "eagle-ford", "x.y.z")) == 1
    words = capsys.readouterr().err
    assert "known: `assets`, `broker`" in words
    assert "broker.replicas" not in words


@pytest.mark.parametrize(
    "verb", [("sites",), ("validate",), ("explain", "eagle-ford"), ("lab", "status"), ("signers", "list")]
)
def test_outside_of_a_kit_it_says_so(
    verb: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Another program of Pulumi's is no kit either.
    (tmp_path / "Pulumi.yaml").write_text("name: another\n")
    monkeypatch.chdir(tmp_path)
    assert entry.run((*verb, "--json")) == 1
    message = json.loads(capsys.readouterr().out)["error"]["message"]
    assert f"{tmp_path} is outside of a kit's folder" in message
    assert f"cd {REPOSITORY}" in message


def test_below_a_kits_folder_it_is_found(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kit / "stacks" / "sites")
    assert entry.run(("sites", "--json")) == 0
