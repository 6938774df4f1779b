"""How large a record in Kafka, and the request that brings it there, can be for the largest message that is accepted.

Whatever the broker acknowledges must fit the rest of the way: nobody sends it again.
"""

from model.ingest import (
    AUDIT,
    BIRTHS,
    DEAD_LETTER,
    EVENTS_TOPIC,
    OF_CLIENTS,
    OT,
    RAW,
    SPARKPLUG,
    record_format,
    written_topics,
)
from model.site import Site
from model.streams import Topic
from model.units import Bytes

# MQTT's own bound (two bytes of length) on each of topic, client id and user name. A record has topic and both names as
# headers, and a level of the topic as its key; an alias leaves the topic out of the message, so that it comes on top.
NAME = 64 * 2**10
NAMES = 4
# Kafka's batch (61 bytes), its record (21 at most) and the headers' own names, with room.
FRAME = 2**10
ROOM = NAMES * NAME + FRAME
# A worker writes the device three times, as `device`, `client` and `name`, beside key and topic; site, asset, times and
# the reason of a dead letter are short.
ROOM_OF_WORKER = (NAMES + 1) * NAME + 2 * FRAME
# Decoded Sparkplug B has each metric's field names in full. A worker also puts names in the place of aliases: by that
# data grow 5 to 9 times (measured). What grows more matters only near the largest message: its bytes go whole to the
# dead letters.
WORKERS_SPARKPLUG_GROWTH = 8
# The kit's own assumptions, to be replaced by measurement: EMQX decodes Sparkplug with aliases as they are; a bridge
# reads JSON and writes it anew, and a number may grow by that (1e9 becomes 1.0E9).
SPARKPLUG_GROWTH = 4
JSON_GROWTH = 2
# What an audit record says stands in it twice: in the value and in the headers.
AUDIT_RECORD = 2 * ROOM
# A figure is a number, and its name is EMQX's own.
METRIC_RECORD = 64 * 2**10
# Kafka's own `max.message.bytes`, for topics that the broker does not write.
USUAL = Bytes(2**20)
# What Kafka Connect says in the headers of a record that a sink refuses: where it stood, and the failure's stack trace.
ERROR_HEADERS = 64 * 2**10
# The largest request: Vert.x' own bound on a body (4.5; the Kafka bridge sets none), and Kafka's
# `socket.request.max.bytes`.
LARGEST_OF_BRIDGE = 10 * 2**20
LARGEST_OF_KAFKA = 100 * 2**20
# Part of a topic's largest record that a batch of small ones may have: EMQX's own default leaves an eighth for what
# Kafka adds to each.
BATCH_PARTS = (7, 8)
LARGEST_BATCH = Bytes(896 * 2**10)


def largest_record(site: Site, topic: str) -> int:
    """Return the bytes of the largest record of a topic that the broker writes."""
    message, beside = site.broker.protection.largest_message.count, room(site)
    rewritten = message * JSON_GROWTH if site.way_to_kafka == "bridge" else message
    return {
        RAW: rewritten + beside,
        EVENTS_TOPIC: rewritten + beside,
        SPARKPLUG: message * _sparkplug_growth(site) + beside,
        DEAD_LETTER: message + beside,
        OT: message + beside,
        BIRTHS: message + beside,
        AUDIT: AUDIT_RECORD + (beside - ROOM),
    }.get(topic, METRIC_RECORD)


def room(site: Site) -> int:
    """Return the bytes that key and headers of a record take at most."""
    return ROOM_OF_WORKER if site.streams.by_worker else ROOM


def largest_dead_letter(site: Site) -> Bytes:
    """Return the largest record of the dead letters: the broker's, or one that a sink refuses."""
    read = {topic for sink in site.streams.sinks for topic in sink.topics} & {*written_topics(site)}
    refused = (largest_record(site, topic) + ERROR_HEADERS for topic in read)
    return kibibytes(max([largest_record(site, DEAD_LETTER), *refused]))


def maximum_message(site: Site, topic: Topic) -> Bytes:
    """Return the largest record that a topic takes: what the site writes, else what the broker may write to it."""
    if topic.maximum_message is not None:
        return topic.maximum_message
    if topic.name not in written_topics(site):
        return USUAL
    if topic.name == DEAD_LETTER:
        return largest_dead_letter(site)
    return kibibytes(largest_record(site, topic.name))


def largest_written(site: Site) -> Bytes:
    """Return the largest record of all topics that the broker writes."""
    return kibibytes(max(largest_record(site, topic) for topic in written_topics(site)))


def batch(site: Site, topic: Topic) -> Bytes:
    """Return what EMQX may put into one batch: Kafka holds a topic's largest record against the whole batch."""
    part, whole = BATCH_PARTS
    fits = maximum_message(site, topic).count * part // whole
    return min(LARGEST_BATCH, Bytes(fits // 2**10 * 2**10))


def largest_request(site: Site, topic: str) -> int:
    """Return the bytes of the largest request to the Kafka bridge: headers, and what is no JSON, are in base64."""
    if topic not in OF_CLIENTS:
        return _in_base64(largest_record(site, topic)) + FRAME
    message = site.broker.protection.largest_message.count
    inside = message if record_format(topic) == "json" else _in_base64(message)
    return inside + _in_base64(ROOM) + FRAME


def largest_acceptable(site: Site) -> Bytes:
    """Return the largest message that fits the whole way to Kafka."""
    if site.way_to_kafka != "bridge":
        return _whole_kibibytes((LARGEST_OF_KAFKA - room(site)) // _sparkplug_growth(site))
    return _whole_kibibytes((LARGEST_OF_BRIDGE - FRAME - _in_base64(ROOM)) * 3 // 4 - 4)


def kibibytes(count: int) -> Bytes:
    """Return an amount in whole kibibytes, rounded up."""
    return Bytes(-(-count // 2**10) * 2**10)


def _sparkplug_growth(site: Site) -> int:
    worker = site.streams.worker
    if worker is not None and worker.decode_sparkplug:
        return WORKERS_SPARKPLUG_GROWTH
    return SPARKPLUG_GROWTH if site.sparkplug_is_decoded else 1


def _whole_kibibytes(count: int) -> Bytes:
    return Bytes(count // 2**10 * 2**10)


def _in_base64(count: int) -> int:
    return -(-count // 3) * 4
