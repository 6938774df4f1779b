"""What the broker accepts fits every part of the way to Kafka, or is refused before it is deployed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import Site, load_site
from model.ingest import DEAD_LETTER, OF_CLIENTS, TOPICS, record_format, written_topics
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
from tests.support.variants import PHASES, STACKS, sites_with_worker

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


@pytest.mark.parametrize("phase", PHASES)
def test_a_worker_changes_no_payload_and_its_topics_take_all_that_it_writes(
    phase: str, tmp_path: Path
) -> None:
    for site in sites_with_worker(tmp_path, phase):
        largest, topics = site.broker.protection.largest_message.count, site.streams.topics
        assert {topic.name for topic in topics} >= set(written_topics(site))
        for topic in topics:
            if topic.name not in written_topics(site):
                continue
            assert maximum_message(site, topic).count >= largest_record(site, topic.name)
        for name in (*OF_CLIENTS, "ot", "births"):
            # Key, topic, and the device's name three times: `device`, `client`, `name`.
            assert largest_record(site, name) >= largest + 5 * NAME
        assert largest_record(site, "raw") < largest + 6 * NAME


def test_sparkplug_grows_where_a_worker_decodes_it(tmp_path: Path) -> None:
    for site in sites_with_worker(tmp_path, "pilot"):
        assert site.streams.worker is not None
        as_it_came = site.streams.worker.model_copy(update={"decode_sparkplug": False})
        bytes_ = site.model_copy(update={"streams": site.streams.model_copy(update={"worker": as_it_came})})
        assert site.sparkplug_is_json
        assert not bytes_.sparkplug_is_json
        assert largest_record(site, "sparkplug") > largest_record(bytes_, "sparkplug")
        assert largest_record(bytes_, "sparkplug") == largest_record(bytes_, "raw")
        assert largest_acceptable(bytes_).count > largest_acceptable(site).count
        assert largest_acceptable(site).count * 8 <= LARGEST_OF_KAFKA


def test_beside_the_former_way_topics_take_what_either_writes(tmp_path: Path) -> None:
    after = {site.name: site for site in sites_with_worker(tmp_path, "pilot")}
    for site in sites_with_worker(tmp_path, "pilot", beside=True):
        before = SITES.get(site.name) or load_site(STACKS, site.name)
        for topic in site.streams.topics:
            most = [largest_record(each, topic.name) for each in (before, after[site.name])]
            assert largest_record(site, topic.name) >= max(most), (site.name, topic.name)
        most = [largest_acceptable(each).count for each in (before, after[site.name])]
        assert largest_acceptable(site).count <= min(most)
        # The opensource edition still writes bytes there.
        assert site.sparkplug_is_json == (site.broker.edition == "enterprise")
        assert site.sparkplug_is_decoded
