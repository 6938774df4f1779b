"""The contracts are right by themselves, every site keeps its end, and the examples are what they say."""

import base64
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet

from components.requirements import needed_apis
from images.worker import topics as program
from images.worker.settings import Topics
from model import Site, contracts, load_site, site_names, worker_topics
from model.contracts import CorePlatform, EdgeFlow, OtMirror, TimeSeries
from model.contracts.forms import Message
from model.contracts.keeping import read_contracts
from model.platform import ExternalSecrets
from model.scaling import Autoscaling
from model.sinks import ROW, ROW_KEY
from model.units import Bytes, Duration, Percentage
from tests.support.routing import taken
from tests.support.variants import EDITIONS, PHASES, STACKS, Variants, sites_with_worker

READ = read_contracts(STACKS)
SITES = [load_site(STACKS, name) for name in site_names(STACKS)]
TYPES: dict[str, type | tuple[type, ...]] = {
    "number": (int, float),
    "text": str,
    "boolean": bool,
    "time": str,
}
# Sparkplug B 3.0, message Payload: its fields' numbers.
TIMESTAMP, METRICS, SEQUENCE = 1, 2, 3


def contract(name: str) -> Any:
    value = READ[name].value
    assert value is not None, READ[name].errors
    return value


def messages() -> Iterator[tuple[str, Message]]:
    for name in ("ot-mirror", "edge-flow"):
        for message in contract(name).messages:
            yield name, message


EVERY = [pytest.param(message, id=f"{name}-{message.name}") for name, message in messages()]


def payload(message: Message) -> str:
    if message.example.text is not None:
        return message.example.text
    assert message.example.base64 is not None
    return base64.b64decode(message.example.base64).decode("latin-1")


def on_the_wire(message: Message, site: Site) -> str:
    return message.example.topic.replace("{site}", site.name).replace("{name}", "gateway-3")


def test_there_are_four_and_no_mistake_in_them() -> None:
    assert {file.stem for file in (STACKS / "contracts").glob("*.yaml")} == contracts.FORMS.keys()
    assert list(contracts.shared_mistakes(STACKS, READ)) == []


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("edition", EDITIONS)
def test_each_site_keeps_its_end_in_every_phase_and_edition(
    phase: str, edition: str, variants: Variants
) -> None:
    for site in variants(phase, edition):
        assert list(contracts.mistakes_with(READ, site)) == []


@pytest.mark.parametrize("message", EVERY)
def test_an_example_holds_the_values_that_are_agreed(message: Message) -> None:
    if message.form == "sparkplug":
        numbers = {field.field_number for field in UnknownFieldSet(_parsed(message))}
        assert TIMESTAMP in numbers
        assert numbers <= {TIMESTAMP, METRICS, SEQUENCE}
        # A death and a command are outside of a session's sequence.
        assert (SEQUENCE in numbers) == (message.name not in {"death", "node-command"})
        return
    found = json.loads(payload(message))
    declared = {value.name: value for value in message.values}
    assert found.keys() <= declared.keys()
    assert {name for name, value in declared.items() if value.required} <= found.keys()
    for name, value in found.items():
        assert isinstance(value, TYPES[declared[name].type]), name
        if declared[name].type == "time":
            assert datetime.fromisoformat(str(value)).utcoffset() is not None


def _parsed(message: Message) -> Empty:
    parsed = Empty()
    parsed.ParseFromString(base64.b64decode(cast("str", message.example.base64)))
    return parsed


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("message", EVERY)
def test_an_example_reaches_the_kafka_topics_that_are_agreed(
    message: Message, edition: str, variants: Variants
) -> None:
    for site in variants("pilot", edition):
        reached = {route.topic for route in taken(site, on_the_wire(message, site), payload(message))}
        # What a host application says of itself comes from elsewhere; gateways only read it.
        expected = {"events"} if message.name == "host-state" else set(message.streams)
        assert reached == expected


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("edition", EDITIONS)
def test_each_site_with_workers_keeps_its_end(phase: str, edition: str, tmp_path: Path) -> None:
    for site in sites_with_worker(tmp_path, phase, edition):
        assert list(contracts.mistakes_with(READ, site)) == []


@pytest.mark.parametrize("message", EVERY)
def test_workers_bring_an_example_to_the_kafka_topics_that_are_agreed(
    message: Message, tmp_path: Path
) -> None:
    for site in sites_with_worker(tmp_path, "pilot", None):
        topic, body = on_the_wire(message, site), payload(message).encode("latin-1")
        told = worker_topics.ot_settings if topic.startswith("ot/") else worker_topics.settings
        said: dict[str, Any] = told(site)
        found = program.route(topic, body, Topics(**{**said, "spaces": tuple(said["spaces"])}))
        # What is said to devices is no data.
        reached = message.reached(by_worker=True)[:1] if message.direction == "publish" else ()
        expected = ("events",) if message.name == "host-state" else reached
        assert ((found.topic,) if found.topic else ()) == expected


def test_a_site_with_workers_that_lacks_the_mirrors_topic_breaks_the_contract(tmp_path: Path) -> None:
    for site in sites_with_worker(tmp_path, "pilot", None):
        topics = tuple(topic for topic in site.streams.topics if topic.name != "ot")
        without = site.model_copy(update={"streams": site.streams.model_copy(update={"topics": topics})})
        found = list(contracts.mistakes_with(READ, without))
        assert [error.key for error in found] == ["messages[0].by_worker", "messages[1].by_worker"]


@pytest.mark.parametrize("message", EVERY)
def test_an_example_is_sent_to_a_topic_of_its_message(message: Message) -> None:
    levels = [
        re.escape(level) if level in ("{site}", "{name}") or "{" not in level else "[^/]+"
        for level in message.topic.split("/")
    ]
    assert re.fullmatch("/".join(levels), message.example.topic)


def test_the_rows_are_those_that_the_sinks_write() -> None:
    columns = cast("TimeSeries", contract("tsdb")).columns
    assert {column.name for column in columns} == set(ROW)
    assert {column.name for column in columns if column.key} == set(ROW_KEY)


def test_the_platform_promises_what_the_sites_ask_for_and_nothing_else(variants: Variants) -> None:
    platform = cast("CorePlatform", contract("core-platform"))
    promised = {(entry.api, kind) for entry in platform.apis for kind in entry.kinds}
    asked = {
        (api.api_version, api.kind) for site in _every_kind_of_site(variants) for api in needed_apis(site)
    }
    assert asked == promised


def _every_kind_of_site(variants: Variants) -> Iterator[Site]:
    for phase in PHASES:
        for edition in EDITIONS:
            yield from variants(phase, edition)
    (later,) = (site for site in SITES if site.broker.edition == "enterprise")
    yield later.model_copy(update={"broker": later.broker.model_copy(update={"version": "5.10.1"})})
    wanted = ExternalSecrets(store="vault", path="iot", refresh=Duration(3600))
    scaling = Autoscaling(maximum=4, cpu=Percentage(Decimal(70)))
    yield SITES[0].model_copy(
        update={
            "platform": SITES[0].platform.model_copy(update={"external_secrets": wanted}),
            "policy": SITES[0].policy.model_copy(update={"autoscaling": scaling}),
        }
    )


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a gateway may not speak Sparkplug": (
        lambda site: site.setdefault("policy", {}).update(
            rules=[{"name": "gateways-speak-sparkplug", "remove": True}]
        ),
        "lets no gateway or device publish to `spBv1.0/{site}/NBIRTH/{name}`",
    ),
    "the mirror may subscribe": (
        lambda site: site.setdefault("policy", {}).update(
            rules=[{"name": "mirror-publishes", "actions": ["publish", "subscribe"]}]
        ),
        "lets the mirror subscribe",
    ),
    "messages are smaller": (
        lambda site: site["broker"].update(protection={"largest_message": "32KiB"}),
        "takes messages of 32KiB, and 64KiB are agreed",
    ),
    "a sink reads what was not agreed": (
        lambda site: site["streams"].update(
            users=[{"name": "historian", "consume": ["raw", "sparkplug", "audit"]}],
            sinks=[{**site["streams"]["sinks"][0], "topics": ["raw", "audit"]}],
        ),
        "sink `historian` fills it from `audit`",
    ),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_site_that_does_not_keep_its_end_is_told_so(broken: str, tmp_path: Path) -> None:
    change, words = BREAKS[broken]
    stacks = tmp_path / "stacks"
    shutil.copytree(STACKS, stacks)
    file = stacks / "sites" / "eagle-ford.yaml"
    data = yaml.safe_load(file.read_text())
    change(data)
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    found = list(contracts.mistakes_with(READ, load_site(stacks, "eagle-ford")))
    assert any(words in error.problem for error in found), [error.problem for error in found]
    assert all("a new version of the contract" in error.remedy and error.line for error in found)


def test_a_site_whose_topic_takes_less_is_told_so() -> None:
    site = load_site(STACKS, "eagle-ford")
    topics = tuple(
        topic.model_copy(update={"maximum_message": Bytes(16 * 2**10)})
        if topic.name == "sparkplug"
        else topic
        for topic in site.streams.topics
    )
    small = site.model_copy(update={"streams": site.streams.model_copy(update={"topics": topics})})
    found = list(contracts.mistakes_with(READ, small))
    words = "topic sparkplug takes 16KiB, and 256KiB are agreed"
    assert any(words in error.problem for error in found), [error.problem for error in found]
    assert all("a new version of the contract" in error.remedy and error.line for error in found)


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("ot-mirror", "one_way: true", "one_way: false", "one_way"),
        ("tsdb", 'version: "1.1.0"\nprovider', 'version: "1.2.0"\nprovider', "is in force"),
        ("edge-flow", "qos: 0", "qos: 2", "qos"),
        ("edge-flow", "stores_for: 12h", "stores_for: 10m", "may be away for"),
        ("core-platform", "core-platform/1", "core-platform/2", "format"),
    ],
)
def test_a_contract_that_is_not_right_is_told_with_file_and_line(
    name: str, old: str, new: str, words: str, tmp_path: Path
) -> None:
    stacks = tmp_path / "stacks"
    shutil.copytree(STACKS, stacks)
    file = stacks / "contracts" / f"{name}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    found = [
        *contracts.shared_mistakes(stacks, read_contracts(stacks)),
        *contracts.mistakes_with(read_contracts(stacks), SITES[0]),
    ]
    assert found
    assert all(error.file == file and error.line for error in found)
    assert any(words in f"{error.key} {error.problem}" for error in found)


def test_a_contract_that_is_gone_and_a_stray_are_told(tmp_path: Path) -> None:
    stacks = tmp_path / "stacks"
    shutil.copytree(STACKS, stacks)
    (stacks / "contracts" / "tsdb.yaml").rename(stacks / "contracts" / "tsbd.yaml")
    found = {error.file.name: error for error in contracts.shared_mistakes(stacks, read_contracts(stacks))}
    assert found["tsdb.yaml"].problem == "is missing"
    assert "tsdb" in found["tsbd.yaml"].remedy


def test_what_the_mirror_and_the_gateways_send_is_all_of_one_form() -> None:
    assert all(message.form == "json" for message in cast("OtMirror", contract("ot-mirror")).messages)
    edge = cast("EdgeFlow", contract("edge-flow"))
    assert {message.form for message in edge.messages} == {"json", "sparkplug"}
