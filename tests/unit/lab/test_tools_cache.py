"""The tool cache: names by content, whole or absent, refused on a full disk."""

import threading
from pathlib import Path

import pytest

from lab.tools.cache import Cache, Timing, default_root, key_of, remove, size_of
from lab.tools.errors import NotEnoughDiskError


def pin(folder: Path, content: str, name: str = "go.sum") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(content)
    return file


def test_a_changed_pin_gives_another_key(tmp_path: Path) -> None:
    file = pin(tmp_path / "vault", "v1")
    before = key_of("vault", (file,), "")
    file.write_text("v2")
    assert key_of("vault", (file,), "") != before


def test_changed_settings_give_another_key(tmp_path: Path) -> None:
    file = pin(tmp_path / "vault", "v1")
    assert key_of("vault", (file,), "minimal") != key_of("vault", (file,), "full")


def test_the_same_pins_in_another_checkout_give_the_same_key(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = pin(tmp_path / "one" / "vault", "v1")
    two = pin(tmp_path / "two" / "vault", "v1")
    assert key_of("vault", (one,), "") == key_of("vault", (two,), "")


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("IOT_BROKER_CACHE", raising=False)
    assert default_root() == tmp_path / "iot-broker"
    monkeypatch.setenv("IOT_BROKER_CACHE", str(tmp_path / "elsewhere"))
    assert default_root() == tmp_path / "elsewhere"


def test_too_little_disk_is_refused_with_what_is_needed_and_what_is_free(tmp_path: Path) -> None:
    with pytest.raises(
        NotEnoughDiskError, match=r"vault needs 1073741824\.0 GiB .* IOT_BROKER_CACHE"
    ) as refused:
        Cache(tmp_path).check_disk(1024**6, ("vault",))
    assert refused.value.free < refused.value.needed == 1024**6


def test_a_published_tool_is_there_at_once_and_whole(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    scratch = cache.scratch("go", "opa")
    (scratch / "opa").write_text("binary")
    assert not cache.folder("opa", "key").exists()
    assert (cache.publish(scratch, "opa", "key") / "opa").read_text() == "binary"
    assert not scratch.exists()


def test_of_two_finished_builds_the_first_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for content in ("first", "second"):
        scratch = cache.scratch("go", "opa")
        (scratch / "opa").write_text(content)
        cache.publish(scratch, "opa", "key")
    assert (cache.folder("opa", "key") / "opa").read_text() == "first"


def test_a_new_scratch_folder_holds_nothing_of_an_interrupted_build(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    (cache.scratch("go", "opa") / "half").write_text("…")
    assert list(cache.scratch("go", "opa").iterdir()) == []


def test_whoever_waits_for_a_lock_is_told_and_may_stop_waiting(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    told: list[str] = []
    with (
        cache.lock("go", cancelled=threading.Event()) as first,
        cache.lock(
            "go",
            cancelled=threading.Event(),
            waiting=lambda: told.append("waiting"),
            unless=lambda: bool(told),
        ) as second,
    ):
        assert (first, second, told) == (True, False, ["waiting"])


def test_timings_of_several_tools_are_kept_beside_each_other(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for name in ("vault", "opa"):
        cache.record(name, Timing("v1", "key", 1.5, 2.5, 1000, 2000))
    assert list(cache.timings()) == ["opa", "vault"]
    assert cache.timings()["opa"].processor_seconds == 2.5


def test_a_read_only_folder_is_removed_too(tmp_path: Path) -> None:
    folder = tmp_path / "modules" / "pinned"
    folder.mkdir(parents=True)
    (folder / "source.go").write_text("package x")
    folder.chmod(0o500)
    remove(tmp_path / "modules")
    assert not (tmp_path / "modules").exists()


def test_a_size_counts_a_link_as_a_link(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"x" * 10_000)
    (tmp_path / "kubectl").symlink_to("binary")
    assert size_of(tmp_path) == 10_000 + len("binary")
