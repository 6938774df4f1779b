"""What stands for EMQX's bridge in the lab understands what is rendered, and nothing else: no change passes unseen."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from components.emqx_configuration import document
from components.settings import Settings
from tests.support.bridge_configuration import read_bridge
from tests.support.rule_sql import NotUnderstood
from tests.support.variants import EDITIONS, PHASES, Variants


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("phase", PHASES)
def test_every_sites_bridge_is_understood(
    phase: str, edition: str, variants: Variants, settings: Settings
) -> None:
    for site in variants(phase, edition):
        bridge = read_bridge(document(site, settings))
        found = {"connector": bridge.connectors, "in": bridge.sources, "out": bridge.actions}
        assert {name for name, part in found.items() if part} == {
            "pilot": set(),
            "parallel": {"connector", "in"},
            "cutover": {"connector", "out"},
        }[phase]
        assert bool(bridge.rules) is (phase != "pilot")


def bridges_maps(values: Any) -> Iterator[dict[str, Any]]:
    """Each map of the bridge's part whose keys are EMQX's."""
    parts = [entry for root in ("connectors", "sources", "actions") for entry in entries(values, root)]
    rules = values["rule_engine"]["rules"]
    parts += [rule for name, rule in rules.items() if name.startswith("incumbent_")]
    while parts:
        part = parts.pop()
        yield part
        inner = [
            *part.values(),
            *(item for value in part.values() if isinstance(value, list) for item in value),
        ]
        parts += [value for value in inner if isinstance(value, dict)]


def entries(values: Any, root: str) -> list[dict[str, Any]]:
    return list(values.get(root, {}).get("mqtt", {}).values())


@pytest.mark.parametrize("phase", ["parallel", "cutover"])
def test_a_key_that_is_new_or_gone_is_refused(phase: str, variants: Variants, settings: Settings) -> None:
    site = variants(phase)[0]
    values = copy.deepcopy(document(site, settings))
    assert len(list(bridges_maps(values))) > 5
    for part in bridges_maps(values):
        before = dict(part)
        part["new"] = 1
        with pytest.raises(NotUnderstood):
            read_bridge(values)
        for key in before:
            part.clear()
            part.update({other: value for other, value in before.items() if other != key})
            with pytest.raises(NotUnderstood):
                read_bridge(values)
        part.clear()
        part.update(before)


@pytest.mark.parametrize(
    ("phase", "path", "value"),
    [
        ("parallel", "connectors.mqtt.incumbent.proto_ver", "v4"),
        ("parallel", "connectors.mqtt.incumbent.pool_size", 2),
        ("parallel", "connectors.mqtt.incumbent.password", "written out"),
        ("parallel", "connectors.mqtt.incumbent.ssl.enable", False),
        ("parallel", "connectors.mqtt.incumbent.ssl.verify", "verify_none"),
        ("parallel", "sources.mqtt.space_1.connector", "another"),
        ("parallel", "sources.mqtt.space_1.parameters.qos", 2),
        ("parallel", "rule_engine.rules.incumbent_in_space_1.sql", 'SELECT * FROM "$bridges/mqtt:space_1"'),
        ("parallel", "rule_engine.rules.incumbent_in_space_1.enable", False),
        ("cutover", "actions.mqtt.incumbent.connector", "another"),
        ("cutover", "actions.mqtt.incumbent.parameters.topic", "from/${moved}"),
        ("cutover", "actions.mqtt.incumbent.parameters.payload", "${payload.flow}"),
        ("cutover", "actions.mqtt.incumbent.resource_opts.worker_pool_size", 2),
        ("cutover", "rule_engine.rules.incumbent_out_space_1.actions", ["mqtt:another"]),
        ("cutover", "rule_engine.rules.incumbent_out_space_1.actions", ["mqtt:incumbent", "http:raw_json"]),
        ("cutover", "connectors.pulsar", {}),
    ],
)
def test_a_value_that_it_does_not_carry_out_is_refused(
    phase: str, path: str, value: object, variants: Variants, settings: Settings
) -> None:
    values: Any = copy.deepcopy(document(variants(phase)[0], settings))
    *way, last = path.split(".")
    inner = values
    for key in way:
        inner = inner[key]
    inner[last] = value
    with pytest.raises(NotUnderstood):
        read_bridge(values)
