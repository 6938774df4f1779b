"""What a killed run cut off beside a state's files is found, of the site alone, and nothing else is touched."""

import os
from pathlib import Path

import pytest

from sitectl.recovery.state_files import StateFiles, state_files

WHOLE = '{"user.content_type":"text/plain; charset=utf-8","md5":"N8UfPUFuXBhrZl8LdSz4Fg=="}'


def kept(folder: Path, **contents: str) -> None:
    """Write sidecars, by their place below the back end's folder."""
    for place, content in contents.items():
        file = folder / ".pulumi" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A back end's folder in which a killed run left a state's sidecar and a lock's empty, and one half written."""
    contents = {
        "stacks/iot-broker/eagle-ford.json.attrs": "",
        "stacks/iot-broker/eagle-ford.json": "{}",
        "stacks/iot-broker/eagle-ford.json.bak.attrs": WHOLE[:40],
        "stacks/iot-broker/baytown.json.attrs": "",
        "stacks/iot-broker-bootstrap/eagle-ford.json.attrs": "",
        "locks/organization/iot-broker/eagle-ford/a.json.attrs": "",
        "locks/organization/iot-broker/eagle-ford/b.json.attrs": WHOLE,
        "locks/organization/iot-broker/baytown/c.json.attrs": "",
    }
    kept(tmp_path / "state", **contents)
    return tmp_path / "state"


@pytest.mark.parametrize("relative", [False, True])
def test_a_sites_broken_sidecars_are_found(state: Path, relative: bool) -> None:
    backend = "file://./state" if relative else f"file://{state}?metadata=on"
    files = state_files(backend, state.parent, "iot-broker", "eagle-ford")
    assert files
    found = files.broken_sidecars()
    assert sorted(file.name for file in found) == [
        "a.json.attrs",
        "eagle-ford.json.attrs",
        "eagle-ford.json.bak.attrs",
    ]


def test_a_back_end_elsewhere_has_none(state: Path) -> None:
    assert state_files("s3://states", state, "iot-broker", "eagle-ford") is None


def test_a_home_is_written_as_a_tilde(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(state))
    files = state_files("file://~", Path("/"), "iot-broker-bootstrap", "eagle-ford")
    assert files
    assert len(list(files.broken_sidecars())) == 1


@pytest.fixture
def files(tmp_path: Path) -> StateFiles:
    """A state that a full disk cut off, with a whole one before it, and one from before the update."""
    kept(
        tmp_path,
        **{
            "stacks/iot-broker/eagle-ford.json": '{"version": 3, "check',
            "stacks/iot-broker/eagle-ford.json.attrs": WHOLE,
            "stacks/iot-broker/eagle-ford.json.bak": '{"version": 3, "of": "the moment before"}',
            "backups/iot-broker/eagle-ford/eagle-ford.1.json": '{"version": 3, "of": "before the update"}',
            "backups/iot-broker/baytown/baytown.2.json": '{"version": 3, "of": "another site"}',
        },
    )
    made = StateFiles(tmp_path / ".pulumi", "iot-broker", "eagle-ford")
    old = made.folder / "backups" / "iot-broker" / "eagle-ford" / "eagle-ford.1.json"
    os.utime(old, (1, 1))
    return made


def test_the_newest_whole_state_takes_the_place_of_one_that_was_cut_off(files: StateFiles) -> None:
    assert files.is_broken()
    backup = files.backup()
    assert backup
    backup.chmod(0o600)
    # From an earlier time.
    files.state.with_name("eagle-ford.json.cut-off").write_text("")
    aside = files.restore(backup)
    assert files.state.stat().st_mode & 0o777 == 0o600, "no more people may read it than before"
    assert "the moment before" in files.state.read_text()
    assert aside.read_text() == '{"version": 3, "check', "nothing is lost"
    assert not files.is_broken()
    assert sorted(file.name for file in files.state.parent.iterdir()) == [
        "eagle-ford.json",
        "eagle-ford.json.bak",
        "eagle-ford.json.cut-off",
    ]


def test_a_backup_that_was_cut_off_too_is_passed_over(files: StateFiles) -> None:
    before = files.state.with_name("eagle-ford.json.bak")
    before.write_text('{"version": 3, "of": "the mom')
    backup = files.backup()
    assert backup
    assert "before the update" in backup.read_text()
    backup.unlink()
    assert files.backup() is None


def test_a_whole_state_is_left_alone(files: StateFiles) -> None:
    files.state.write_text("{}")
    assert not files.is_broken()


def test_a_restoration_that_fails_leaves_what_there_was(
    files: StateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, backup = files.state.read_text(), files.backup()
    assert backup

    move = os.replace

    def refuse(source: Path, target: Path) -> None:
        if source.name.endswith(".restored"):
            raise OSError(28, "No space left on device", str(source))
        move(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        files.restore(backup)
    assert files.state.read_text() == before
