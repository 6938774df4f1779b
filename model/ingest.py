"""The way of MQTT messages into Kafka: which messages become records of which topic, with which key.

One table for both editions; `components/emqx_integration.py` writes it as EMQX's rules. SQL is EMQX's rule SQL 5.8.
"""

import base64
from dataclasses import dataclass
from typing import Literal

from model.site import Site

Form = Literal["json", "bytes", "sparkplug"]
"""What a record holds: the payload, which is JSON; the payload as it came; Sparkplug B, decoded where EMQX can."""

# Kinds of Sparkplug B 3.0 messages: what a node or device says, and what it is told.
BIRTHS_AND_DEATHS = ("NBIRTH", "NDEATH", "DBIRTH", "DDEATH")
SPOKEN = (*BIRTHS_AND_DEATHS, "NDATA", "DDATA")
TOLD = ("NCMD", "DCMD")
# The levels after a device's own: what it is told is no data, and what it reports as an event is kept for longer.
COMMANDS = "command"
EVENTS = "event"

RAW = "raw"
"""Name of the Kafka topic of telemetry in JSON."""
SPARKPLUG = "sparkplug"
"""Name of the Kafka topic of Sparkplug B."""
EVENTS_TOPIC = "events"
"""Name of the Kafka topic of events, births, deaths and host states."""
DEAD_LETTER = "dead-letter"
"""Name of the Kafka topic of what could not be read."""
AUDIT = "audit"
"""Name of the Kafka topic of who connected, was refused and left."""
METRICS = "metrics"
"""Name of the Kafka topic of the broker's own figures."""
OF_CLIENTS = (RAW, SPARKPLUG, EVENTS_TOPIC, DEAD_LETTER)
"""Names of the Kafka topics of what clients publish."""
TOPICS = (*OF_CLIENTS, AUDIT, METRICS)
"""Names of the Kafka topics that the broker writes."""
OT = "ot"
"""Name of the Kafka topic of the OT mirror's telemetry, where a worker writes it."""
BIRTHS = "births"
"""Name of the Kafka topic of Sparkplug's births as they came, the last of each node and device."""
RecordFormat = Literal["json", "bytes"]
"""How the Kafka bridge takes the records of a topic."""

# RFC 8259, as PCRE takes it; possessive throughout, so that no text makes it go back. Whatever breaks a limit of the
# matcher counts as no JSON, and is kept as it came.
JSON_TEXT = (
    r"(?(DEFINE)"
    r"(?<space>[ \t\r\n]*+)"
    r'(?<text>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")'
    r"(?<number>-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+)"
    r"(?<pair>(?&space)(?&text)(?&space):(?&value))"
    r"(?<map>\{(?:(?&pair)(?:,(?&pair))*+|(?&space))\})"
    r"(?<list>\[(?:(?&value)(?:,(?&value))*+|(?&space))\])"
    r"(?<value>(?&space)(?:(?&map)|(?&list)|(?&text)|(?&number)|true|false|null)(?&space))"
    r")\A(?&value)\z"
)
# In base64, because how a text of rule SQL writes a backslash differs between versions.
_IS_JSON = f"regex_match(payload, base64_decode('{base64.b64encode(JSON_TEXT.encode()).decode()}'))"
_IS_NO_JSON = f"{_IS_JSON} = false"
# EMQX's own name of the Sparkplug B schema that its enterprise edition has built in.
SPARKPLUG_SCHEMA = "__CiYAWBja87PleCyKZ58h__SparkPlug_B_BUILT-IN"

# What a pattern of levels ends with: at a `/`, or at the text's end. `$` would also match before a line feed at the
# end, by which a topic would be of no kind at all. No backslash, for the reason above.
_LEVEL_ENDS = "(?![^/])"
_WHOLE = f"regex_match(topic, '(^|/){_LEVEL_ENDS}') = false"
"""Condition that no level of the topic is empty: one that is names no device, and its record would have no key."""
_NOT_WHOLE = f"regex_match(topic, '(^|/){_LEVEL_ENDS}')"

FIGURES = "$SYS/brokers"
"""What the topics of the broker's own figures begin with."""


@dataclass(frozen=True, slots=True)
class Route:
    """Messages that become records of one Kafka topic.

    `filters` are MQTT topic filters, `condition` an expression of rule SQL that must hold, `key` one that gives the
    record's key: all records of a key come in the order in which they were published.
    """

    name: str
    title: str
    filters: tuple[str, ...]
    condition: str
    key: str
    topic: str
    form: Form
    value: str | None = None
    """An expression that gives the record's value; the payload when None."""


# EMQX acknowledges what is published to `$delayed/SECONDS/TOPIC` to whoever may publish to TOPIC, without showing the
# policy server that it is to be held back, and holds nothing back where `delayed` is off: it would be gone.
_DELAYED = Route(
    "delayed",
    "What was to be held back, which this broker does not do",
    ("$delayed/#",),
    "is_not_null(topic)",
    "CASE WHEN is_null(username) THEN '' ELSE str(username) END",
    DEAD_LETTER,
    "bytes",
)


def written_topics(site: Site) -> tuple[str, ...]:
    """Return the names of the Kafka topics that the site's way to Kafka writes."""
    return (*TOPICS, OT, BIRTHS) if site.streams.by_worker else TOPICS


def record_format(topic: str) -> RecordFormat:
    """Return the format of a topic's records on their way over the Kafka bridge: one for each topic."""
    return "bytes" if topic in (SPARKPLUG, DEAD_LETTER) else "json"


def spaces(site: Site) -> tuple[str, ...]:
    """Return what topics of telemetry begin with: the site's name, the OT mirror's, and in-scope assets' own spaces."""
    own = site.topic_spaces
    extra = [own[asset] for asset in site.assets_in_scope if own[asset].split("/")[0] != site.name]
    return (site.name, f"ot/{site.name}", *sorted(extra))


def routes(site: Site) -> tuple[Route, ...]:
    """Return every way from MQTT to Kafka of the site; whatever the site's topics carry takes exactly one for data."""
    telemetry = [route for space in spaces(site) for route in _telemetry(site, space)]
    return (*telemetry, *_sparkplug(site), *_states_by_2_2(site), _DELAYED, *own_routes())


def _telemetry(site: Site, space: str) -> tuple[Route, ...]:
    device, everything = _level(space.count("/") + 2), (f"{space}/+/#",)
    suffix = "" if space == site.name else "_" + "".join(c if c.isalnum() else "_" for c in space)

    def is_not(*kinds: str) -> str:
        return f"regex_match(topic, '^{space}/[^/]*/({'|'.join(kinds)}){_LEVEL_ENDS}') = false"

    return (
        Route(
            f"raw{suffix}",
            "Telemetry in JSON",
            everything,
            f"{is_not(EVENTS, COMMANDS)} and {_WHOLE} and {_IS_JSON}",
            device,
            RAW,
            "json",
        ),
        Route(
            f"events{suffix}",
            "Events in JSON",
            (f"{space}/+/{EVENTS}/#",),
            f"{_WHOLE} and {_IS_JSON}",
            device,
            EVENTS_TOPIC,
            "json",
        ),
        Route(
            f"unreadable{suffix}",
            "What should be JSON and is not",
            everything,
            f"{is_not(COMMANDS)} and ({_NOT_WHOLE} or {_IS_NO_JSON})",
            device,
            DEAD_LETTER,
            "bytes",
        ),
    )


def _sparkplug(site: Site) -> tuple[Route, ...]:
    group = f"spBv1.0/{site.name}"
    # Levels: namespace, group, kind of message, edge node, device.
    messages, kind, node = (f"{group}/+/+/#",), _level(3), _level(4)
    native = site.broker.edition == "enterprise"
    readable = f"schema_check('{SPARKPLUG_SCHEMA}', payload, 'Payload')"
    known = f"regex_match({kind}, '^({'|'.join(SPOKEN)}){_LEVEL_ENDS}') and {_WHOLE}"
    unknown = f"regex_match({kind}, '^({'|'.join((*SPOKEN, *TOLD))}){_LEVEL_ENDS}') = false"
    told = f"regex_match({kind}, '^({'|'.join(TOLD)}){_LEVEL_ENDS}')"
    strange = f"{unknown} or ({_NOT_WHOLE} and {told} = false)"
    # Only the enterprise edition can tell whether a payload is Sparkplug; elsewhere whoever decodes it finds out.
    unreadable = f"{strange} or ({known} and {readable} = false)" if native else strange
    state = ("spBv1.0/STATE/+",)
    return (
        Route(
            "sparkplug",
            "Sparkplug B data, births and deaths",
            messages,
            f"{known} and {readable}" if native else known,
            node,
            SPARKPLUG,
            "sparkplug",
        ),
        Route(
            "births",
            "That a node or device came or went",
            messages,
            f"regex_match({kind}, '^({'|'.join(BIRTHS_AND_DEATHS)}){_LEVEL_ENDS}') and {_WHOLE}",
            node,
            EVENTS_TOPIC,
            "json",
            f"json_encode(map_put('node', {node}, map_put('event', {kind}, map_put('topic', topic, "
            "map_put('received', publish_received_at, map_new())))))",
        ),
        Route(
            "states",
            "Whether a host application is there",
            state,
            f"{_WHOLE} and {_IS_JSON}",
            _level(3),
            EVENTS_TOPIC,
            "json",
        ),
        Route(
            "unreadable_state",
            "A host's state that is not JSON",
            state,
            f"{_NOT_WHOLE} or {_IS_NO_JSON}",
            _level(3),
            DEAD_LETTER,
            "bytes",
        ),
        Route(
            "unreadable_sparkplug",
            "What is no Sparkplug B",
            messages,
            unreadable,
            node,
            DEAD_LETTER,
            "bytes",
        ),
    )


def _states_by_2_2(site: Site) -> tuple[Route, ...]:
    """Return the routes of a host's state by Sparkplug 2.2, a word instead of JSON; none where no host speaks it."""
    if not any("v2.2" in host.sparkplug for host in site.policy.hosts if host.host_id):
        return ()
    states, host = ("STATE/+",), _level(2)
    return (
        Route(
            "states_2_2",
            "Whether a host application is there, by Sparkplug 2.2",
            states,
            f"{_WHOLE} and (payload = 'ONLINE' or payload = 'OFFLINE')",
            host,
            EVENTS_TOPIC,
            "json",
            f"json_encode(map_put('state', payload, map_put('host', {host}, map_put('topic', topic, "
            "map_put('received', publish_received_at, map_new())))))",
        ),
        Route(
            "unreadable_state_2_2",
            "A host's state by Sparkplug 2.2 that is neither ONLINE nor OFFLINE",
            states,
            f"{_NOT_WHOLE} or (payload <> 'ONLINE' and payload <> 'OFFLINE')",
            host,
            DEAD_LETTER,
            "bytes",
        ),
    )


def own_routes() -> tuple[Route, ...]:
    """Return what the broker says of itself: who connected, was refused and left, and its figures.

    Events and fields are those of both editions of 5.8; none has a payload, a password or a connection's properties.
    """
    refused = {"reason": "reason_code"}
    denied = {"action": "action", "topic": "topic", "decided_by": "authz_source"}
    return (
        _audit("connected", "Who connected", "client_connected", "is_not_null(clientid)", {}),
        _audit(
            "left", "Who left, and why", "client_disconnected", "is_not_null(clientid)", {"reason": "reason"}
        ),
        _audit("refused", "Who was not let in", "client_connack", "reason_code <> 'success'", refused),
        _audit(
            "denied",
            "What was not allowed to whom",
            "client_check_authz_complete",
            "result = 'deny'",
            denied,
        ),
        Route(
            "metrics",
            "The broker's own figures",
            tuple(f"{FIGURES}/+/{kind}/#" for kind in ("stats", "metrics")),
            "regex_match(payload, '^-?[0-9]+(?!a|[^a])')",
            # Node, kind and figure.
            f"substr(topic, {len(FIGURES) + 1})",
            METRICS,
            "json",
        ),
    )


def known(column: str) -> str:
    """Return the expression of a column as text: it may be missing, or one of EMQX's own words.

    What the broker says of itself comes under a word that is no text (`emqx_sys`), at which functions of texts fail.
    """
    return f"CASE WHEN is_null({column}) THEN '' ELSE str({column}) END"


def _audit(what: str, title: str, event: str, condition: str, facts: dict[str, str]) -> Route:
    """Return the route of one of EMQX's events; `facts` are columns beside those that every event has."""
    columns = {"client": "clientid", "name": "username", "peer": "peername", **facts}
    written = [("event", f"'{what}'"), ("node", "node"), ("at", "timestamp")]
    written += [(name, known(column)) for name, column in columns.items()]
    entry = "map_new()"
    for name, expression in written:
        entry = f"map_put('{name}', {expression}, {entry})"
    return Route(
        f"audit_{what}",
        title,
        (f"$events/{event}",),
        condition,
        known("clientid"),
        AUDIT,
        "json",
        f"json_encode({entry})",
    )


def _level(number: int) -> str:
    """Return the expression of a topic's level, the first one being 1."""
    # `tokens` and a plain `split` leave empty levels out: a level would be another one, or none, and `nth` would fail.
    return f"nth({number}, split(topic, '/', 'notrim'))"
