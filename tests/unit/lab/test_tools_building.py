"""Providing tools: built once, whole or not at all, resumed after an interruption."""

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.progress import Silent
from lab.tools.bench import Bench
from lab.tools.building import ensure
from lab.tools.cache import Cache
from lab.tools.catalogue import Lane, Tool
from lab.tools.errors import BuildCancelledError, CommandFailedError, NotEnoughDiskError, UnknownToolError

PIN = Path(__file__)


def a_tool(
    name: str,
    recipe: Callable[[Bench], None],
    lane: Lane = "go",
    space: int = 1,
    pins: tuple[Path, ...] = (PIN,),
) -> Tool:
    return Tool(name, "v1", lane, pins, "", space, 1, recipe)


def counting(bench: Bench) -> None:
    """Note each run in the cache's root, take a while, and make a file."""
    with (bench.log.parents[1] / "runs").open("a") as runs:
        runs.write("run\n")
    time.sleep(0.3)
    (bench.result / "program").write_text("binary")


def provide_counting(root: Path) -> None:
    ensure(["fake"], Silent(), cache=Cache(root), tools={"fake": a_tool("fake", counting)})


def test_a_missing_tool_is_built_and_a_present_one_is_not(tmp_path: Path) -> None:
    provide_counting(tmp_path)
    provide_counting(tmp_path)
    assert (tmp_path / "runs").read_text() == "run\n"


def test_two_processes_that_ask_at_once_build_once(tmp_path: Path) -> None:
    processes = [multiprocessing.Process(target=provide_counting, args=(tmp_path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "runs").read_text() == "run\n"


def test_a_changed_pin_builds_again_and_leaves_the_other_checkouts_build(tmp_path: Path) -> None:
    pin = tmp_path / "go.sum"
    pin.write_text("one")
    paths = []
    for content in ("one", "two"):
        pin.write_text(content)
        tools = {"fake": a_tool("fake", counting, pins=(pin,))}
        paths.append(ensure(["fake"], Silent(), cache=Cache(tmp_path), tools=tools)["fake"])
    assert paths[0] != paths[1]
    assert all((path / "program").exists() for path in paths)


def test_a_build_that_fails_half_way_leaves_nothing_usable_and_resumes(tmp_path: Path) -> None:
    attempts: list[bool] = []

    def recipe(bench: Bench) -> None:
        kept = bench.work / "downloaded"
        attempts.append(kept.exists())
        kept.write_text("…")
        (bench.result / "half").write_text("…")
        if len(attempts) == 1:
            raise OSError("the network went away")

    tools = {"fake": a_tool("fake", recipe)}
    with pytest.raises(OSError, match="network"):
        ensure(["fake"], Silent(), cache=Cache(tmp_path), tools=tools)
    assert not list((tmp_path / "tools").glob("*/*"))
    ensure(["fake"], Silent(), cache=Cache(tmp_path), tools=tools)
    assert attempts == [False, True]


def test_what_only_the_building_needed_is_removed_after_it(tmp_path: Path) -> None:
    def recipe(bench: Bench) -> None:
        (bench.work / "modules").mkdir()
        (bench.result / "program").touch()

    ensure(["fake"], Silent(), cache=Cache(tmp_path), tools={"fake": a_tool("fake", recipe)})
    assert not (tmp_path / "work" / "go").exists()


def test_it_is_kept_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOT_BROKER_KEEP_BUILD", "1")
    provide_counting(tmp_path)
    assert (tmp_path / "work" / "go").exists()


def test_too_little_disk_refuses_before_anything_is_built(tmp_path: Path) -> None:
    tools = {"huge": a_tool("huge", counting, space=1024**6)}
    with pytest.raises(NotEnoughDiskError) as refused:
        ensure(["huge"], Silent(), cache=Cache(tmp_path), tools=tools)
    assert refused.value.names == ("huge",)
    assert not (tmp_path / "runs").exists()


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownToolError, match=r"kubernets.*there are fake, java"):
        ensure(["kubernets"], Silent(), cache=Cache(tmp_path), tools={"fake": a_tool("fake", counting)})


def test_builds_of_two_lanes_overlap(tmp_path: Path) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def recipe(_bench: Bench) -> None:
        meeting.wait()

    tools = {"one": a_tool("one", recipe, "go"), "two": a_tool("two", recipe, "java")}
    assert set(ensure(["one", "two"], Silent(), cache=Cache(tmp_path), tools=tools)) == {"one", "two"}


def test_a_failed_command_shows_the_end_of_its_log(tmp_path: Path) -> None:
    def recipe(bench: Bench) -> None:
        bench.run("compiling", ["sh", "-c", "echo first; echo 'no such package' >&2; exit 3"])

    with pytest.raises(CommandFailedError) as failed:
        ensure(["fake"], Silent(), cache=Cache(tmp_path), tools={"fake": a_tool("fake", recipe)})
    assert failed.value.exit_code == 3
    assert failed.value.tail == "first\nno such package"
    assert failed.value.log.read_text() == "first\nno such package\n"


def test_when_one_lane_fails_the_commands_of_the_other_are_ended(tmp_path: Path) -> None:
    started = threading.Event()
    ends: list[type[BaseException]] = []

    def endless(bench: Bench) -> None:
        started.set()
        try:
            bench.run("compiling", ["sh", "-c", "sleep 600 & wait"])
        except BuildCancelledError as error:
            ends.append(type(error))
            raise

    def failing(_bench: Bench) -> None:
        started.wait(20)
        raise ValueError("broken")

    tools = {"one": a_tool("one", endless, "go"), "two": a_tool("two", failing, "java")}
    with pytest.raises(ValueError, match="broken"):
        ensure(["one", "two"], Silent(), cache=Cache(tmp_path), tools=tools)
    assert ends == [BuildCancelledError]


def test_a_builds_cost_is_recorded(tmp_path: Path) -> None:
    def recipe(bench: Bench) -> None:
        bench.run("compiling", [sys.executable, "-c", "sum(range(3_000_000))"])
        (bench.result / "program").write_bytes(b"x" * 100)

    ensure(["fake"], Silent(), cache=Cache(tmp_path), tools={"fake": a_tool("fake", recipe)})
    timing = Cache(tmp_path).timings()["fake"]
    assert timing.size_bytes == 100
    assert timing.seconds > 0
    assert timing.peak_bytes > 1024**2
