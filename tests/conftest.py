"""Fixtures that start the lab when a test asks for it: one lab, one copy of the program, one deployed site."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from confluent_kafka.admin import AdminClient

from lab.estate import Estate
from model import Site, load_site
from tests.support import servers
from tests.support.shell import REPOSITORY, Outcome, Shell, copy_program

SITE = "eagle-ford"

# How long one example takes says how busy the machine is: what is claimed of speed is a ratio, under `benchmarks/`.
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")


@pytest.fixture(scope="session")
def estate() -> Iterator[Estate]:
    """The lab `test`, up; every process of it is stopped at the end, also after a failure."""
    with Estate(REPOSITORY, "test").running(purge=True) as running:
        yield running


@pytest.fixture(scope="session")
def shell(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell at the lab, in a copy of the program that tests may edit; the sample site's bootstrap has run."""
    environment = {name: value.resolve() for name, value in estate.environment().items()}
    folder = copy_program(tmp_path_factory.mktemp("program"))
    made = Shell(folder, environment, estate.administration(), grant=estate.grant)
    made.bootstrap(SITE)
    return made


@pytest.fixture(scope="session")
def stacks(shell: Shell) -> Path:
    """The data of the copied program."""
    return shell.folder / "stacks"


@pytest.fixture(scope="session")
def site(stacks: Path) -> Site:
    """The sample site, as its files describe it."""
    return load_site(stacks, SITE)


@pytest.fixture(scope="session")
def first_up(shell: Shell) -> Outcome:
    """The first `pulumi up` of the sample site."""
    return shell.up(SITE)


@pytest.fixture(scope="session")
def deployed(shell: Shell, first_up: Outcome) -> Shell:
    """A shell at the lab where the sample site is deployed."""
    assert first_up.code == 0
    return shell


@pytest.fixture(scope="module")
def kafka(shell: Shell, estate: Estate) -> AdminClient:
    """An administration client of the lab's Kafka that may do everything."""
    administrator = estate.kafka_administrator()
    return servers.kafka_admin(shell, administrator.user, administrator.password_file.read_text())
