"""The sample sites in other phases and editions, less work for the garbage collector, and no foreign program."""

import gc
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from model import Site
from tests.support.variants import Variants, sites_with_bridge_worker, sites_with_worker
from tests.support.variants import variants as made_variants


def pytest_collection_finish() -> None:
    """Let the collector pass over what stays until the end, and look less often: it took a seventh of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


# What there is wherever the tests are: Python (which asks `uname` for the processor), the shell that runs `make`,
# and what comes with it.
USUAL = {"python", "sh", "bash", "sha256sum", "uname"}
_strange: set[str] = set()


def _started(event: str, arguments: tuple[object, ...]) -> None:
    """Note a program that a test starts and that is not everywhere; what a test wrote itself stands for a program."""
    if event != "subprocess.Popen":
        return
    program, words, _, environment = arguments
    if isinstance(words, list) and "rev-parse" in words:
        return  # git's one question that `validate` asks: does it stand in a checkout at all?
    path = environment.get("PATH") if isinstance(environment, dict) else None
    found = shutil.which(str(program), path=path)
    own = found is None or Path(found).is_relative_to(tempfile.gettempdir())
    if not own and Path(str(found)).name.rstrip("0123456789.") not in USUAL:
        _strange.add(str(found))


sys.addaudithook(_started)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Forget what was started before: `make test` runs the lab and its programs in the same process."""
    _strange.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Fail a test that needs what only `make tools` builds, or a machine may lack: its place is `tests/programs/`."""
    # Before the end: the last test of all ends the lab, too.
    strange = sorted(_strange)
    yield
    assert not strange, f"a unit test starts no program, and this one started {', '.join(strange)}"


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """The sample sites in any phase and edition."""
    folder = tmp_path_factory.mktemp("variants")

    def find(phase: str, edition: str | None = None) -> tuple[Site, ...]:
        return made_variants(folder, phase, edition)

    return find


@pytest.fixture(scope="session")
def with_workers(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """The sample sites with workers to Kafka, in any phase and edition."""
    folder = tmp_path_factory.mktemp("with-workers")

    def find(phase: str, edition: str | None = None) -> tuple[Site, ...]:
        return sites_with_worker(folder, phase, edition)

    return find


@pytest.fixture(scope="session")
def with_bridge_worker(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """The sample sites whose bridge to the incumbent is a program, in any phase and edition."""
    folder = tmp_path_factory.mktemp("with-bridge-worker")

    def find(phase: str, edition: str | None = None) -> tuple[Site, ...]:
        return sites_with_bridge_worker(folder, phase, edition)

    return find
