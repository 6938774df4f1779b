"""The site that the lab's tests share: deployed once, by a real `pulumi up`."""

import pytest
from confluent_kafka.admin import AdminClient

from lab.estate import Estate
from tests.conftest import SITE
from tests.support import servers
from tests.support.shell import Outcome, Shell


@pytest.fixture(scope="session")
def first_up(shell: Shell) -> Outcome:
    """The first `pulumi up` of the sample site."""
    return shell.up(SITE)


@pytest.fixture(scope="session")
def deployed(shell: Shell, first_up: Outcome) -> Shell:
    """A shell at the lab where the sample site is deployed."""
    assert first_up.code == 0
    return shell


@pytest.fixture(scope="session")
def kafka(shell: Shell, estate: Estate) -> AdminClient:
    """An administration client of the lab's Kafka that may do everything."""
    administrator = estate.kafka_administrator()
    return servers.kafka_admin(shell, administrator.user, administrator.password_file.read_text())
