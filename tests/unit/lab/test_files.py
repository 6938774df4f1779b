"""Files of the lab are whole and private."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.files import secret, write, write_if_changed


def test_a_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    assert write(tmp_path / "key", "x").stat().st_mode & 0o777 == 0o600


def test_a_write_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    write(tmp_path / "key", "x")
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_an_unchanged_file_is_not_written_again(tmp_path: Path) -> None:
    before = write_if_changed(tmp_path / "settings", "same").stat().st_mtime_ns
    assert write_if_changed(tmp_path / "settings", "same").stat().st_mtime_ns == before


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    assert secret(tmp_path / "password") == secret(tmp_path / "password")


def test_threads_that_make_a_secret_together_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: secret(tmp_path / "password"), range(64)))
    assert len(made) == 1
