"""Tests that start single servers of the lab, a broker or a Kafka, each its own: they need no lab that is up."""

from collections.abc import Iterator

import pytest

from tests.support.one_kafka import OneKafka, one_kafka


@pytest.fixture(scope="session")
def kafka_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneKafka]:
    """A Kafka of its own, for all tests of a process; it is stopped at the end, whatever happens."""
    with one_kafka(tmp_path_factory.mktemp("one-kafka")) as running:
        yield running
