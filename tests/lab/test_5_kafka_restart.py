"""A broker that was killed lets in, after its restart, the users that were there before.

The first broker alone runs here, which is the controller too. While it was up, users were made and removed: it replays
all that at its start.
"""

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from lab.estate import Estate
from tests.support.shell import REPOSITORY

BROKER = "kafka-1"
KEPT = "field-kept"
# So many that some come before any other name in a HashMap, and some after.
REMOVED = tuple(f"field-removed-{number}" for number in range(32))
ANSWER_SECONDS = 10


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """A lab with one broker."""
    folder = tmp_path_factory.mktemp("kafka")
    estate = Estate(REPOSITORY, f"kafka-{folder.name[-6:].strip('-')}")
    try:
        estate.up(only={BROKER})
        yield estate
    finally:
        estate.down(purge=True)


def client_of(estate: Estate, user: str, password: str) -> AdminClient:
    return AdminClient(
        {
            "bootstrap.servers": estate.endpoints()[BROKER],
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(estate.state / "tls" / "ca.crt"),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
        }
    )


def administrator_of(estate: Estate) -> AdminClient:
    administrator = estate.kafka_administrator()
    return client_of(estate, administrator.user, administrator.password_file.read_text())


def change(client: AdminClient, changes: list[UserScramCredentialAlteration]) -> None:
    for answer in client.alter_user_scram_credentials(changes, request_timeout=ANSWER_SECONDS).values():
        answer.result(ANSWER_SECONDS)


def test_a_broker_that_was_killed_forgets_no_user(alone: Estate) -> None:
    """Kafka forgets all of them when a removed one comes first in its map of users."""
    password = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    before = administrator_of(alone)
    change(before, [UserScramCredentialUpsertion(name, password, b"kept") for name in (*REMOVED, KEPT)])
    change(before, [UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512) for name in REMOVED])
    alone.stop(BROKER)
    # It is ready when it lets its super user in.
    assert [start.name for start in alone.up(only={BROKER}) if start.began] == [BROKER]
    assert list(client_of(alone, KEPT, "kept").list_topics(timeout=ANSWER_SECONDS).brokers) == [1]
    with pytest.raises(KafkaException):
        client_of(alone, REMOVED[0], "kept").list_topics(timeout=ANSWER_SECONDS)
