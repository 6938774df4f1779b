"""What the broker accepts fits every part of the way to Kafka, or is refused before it is deployed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import Site, load_site
from model.ingest import DEAD_LETTER, TOPICS, record_format
from model.record_size import (
    LARGEST_OF_BRIDGE,
    LARGEST_OF_KAFKA,
    NAME,
    NAMES,
    USUAL,
    batch,
    largest_acceptable,
    largest_record,
    largest_request,
    largest_written,
    maximum_message,
)
from model.units import Bytes
from tests.support.variants import STACKS

SITES = {name: load_site(STACKS, name) for name in ("eagle-ford", "north-cormorant")}
SIZES = st.integers(1, 8 * 2**20)


def accepting(name: str, largest: int) -> Site:
    """A sample site (one of each edition) with another largest message."""
    site = SITES[name]
    protection = site.broker.protection.model_copy(update={"largest_message": Bytes(largest)})
    return site.model_copy(update={"broker": site.broker.model_copy(update={"protection": protection})})


@given(st.sampled_from(sorted(SITES)), SIZES)
def test_each_topic_takes_the_largest_message_with_key_and_headers(name: str, largest: int) -> None:
    site = accepting(name, largest)
    for topic in site.streams.topics:
        assert maximum_message(site, topic).count >= largest_record(site, topic.name)
        if topic.name not in ("audit", "metrics"):
            assert largest_record(site, topic.name) >= largest + NAMES * NAME


@given(SIZES)
def test_what_is_no_json_grows_by_a_third_on_its_way_over_the_bridge(largest: int) -> None:
    site = accepting("eagle-ford", largest)
    for topic in ("raw", "sparkplug", "events", "dead-letter"):
        grown = largest if record_format(topic) == "json" else largest * 4 // 3
        assert largest_request(site, topic) >= grown + NAMES * NAME * 4 // 3


@given(st.sampled_from(sorted(SITES)))
def test_the_largest_acceptable_message_just_fits(name: str) -> None:
    most = largest_acceptable(SITES[name]).count
    site, beyond = accepting(name, most), accepting(name, most + 2**10)
    if site.broker.writes_kafka:
        assert max(largest_record(site, topic) for topic in TOPICS) <= LARGEST_OF_KAFKA
        assert max(largest_record(beyond, topic) for topic in TOPICS) > LARGEST_OF_KAFKA
    else:
        assert max(largest_request(site, topic) for topic in TOPICS) <= LARGEST_OF_BRIDGE
        assert max(largest_request(beyond, topic) for topic in TOPICS) > LARGEST_OF_BRIDGE


@pytest.mark.parametrize("name", sorted(SITES))
def test_a_batch_is_smaller_than_what_its_topic_takes(name: str) -> None:
    site = SITES[name]
    for topic in site.streams.topics:
        assert batch(site, topic).count < maximum_message(site, topic).count
    assert largest_written(site).count == max(
        # What a sink hands on to the dead letters does not come by the broker.
        maximum_message(site, topic).count
        for topic in site.streams.topics
        if topic.name != DEAD_LETTER
    )


def test_a_written_size_is_taken_and_a_topic_of_the_sites_own_has_kafkas_usual_one() -> None:
    site = SITES["eagle-ford"]
    (raw, *_) = site.streams.topics
    assert maximum_message(site, raw.model_copy(update={"maximum_message": Bytes(5)})) == Bytes(5)
    assert maximum_message(site, raw.model_copy(update={"name": "reports"})) == USUAL
