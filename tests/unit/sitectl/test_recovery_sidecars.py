"""What a killed run cut off beside a state's files is found, of the site alone, and nothing else is touched."""

from pathlib import Path

import pytest

from sitectl.recovery.sidecars import cut_off

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
    found = cut_off(backend, state.parent, "iot-broker", "eagle-ford")
    assert sorted(file.name for file in found) == [
        "a.json.attrs",
        "eagle-ford.json.attrs",
        "eagle-ford.json.bak.attrs",
    ]


def test_a_back_end_elsewhere_has_none(state: Path) -> None:
    assert list(cut_off("s3://states", state, "iot-broker", "eagle-ford")) == []


def test_a_home_is_written_as_a_tilde(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(state))
    assert len(list(cut_off("file://~", Path("/"), "iot-broker-bootstrap", "eagle-ford"))) == 1
