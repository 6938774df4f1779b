"""A deployed site moves to workers in two steps, and back in two: at each of them one way to Kafka is whole."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components import data_move
from components.broker_alerts import alerts
from components.broker_secrets import slots
from components.emqx_configuration import text
from components.recording import OFFLINE, Composition
from components.requirements import needed_apis
from components.rights import text as rights_text
from components.workers import carriers
from model import Site
from model.rules.streams import the_data_path_can_write
from model.rules.worker import keys_beside_workers_have_an_effect
from tests.support import hocon
from tests.support.composing import compose, compose_bootstrap
from tests.support.emqx_schema import EmqxSchema
from tests.support.variants import Variants, sites_with_worker

# What the second `up` takes away, by kind and name without the site's.
GONE = {
    "eagle-ford": {
        ("Certificate", "kafka-bridge-tls"),
        ("ExternalSecret", "broker-kafka"),
        ("ExternalSecret", "eagle-ford-broker-password"),
        ("KafkaBridge", "kafka-bridge"),
        ("KafkaUser", "user-broker"),
        ("NetworkPolicy", "kafka-bridge"),
    },
    "north-cormorant": {("KafkaUser", "user-broker")},
}


@dataclass(frozen=True)
class Move:
    """A site in the three states."""

    before: Composition
    beside: Composition
    after: Composition

    @property
    def name(self) -> str:
        """Name of the site."""
        return self.before.site.name

    @property
    def ends(self) -> tuple[Composition, Composition]:
        """The states with one way to Kafka."""
        return self.before, self.after


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("beside")


@pytest.fixture(params=GONE)
def move(request: pytest.FixtureRequest, variants: Variants, folder: Path) -> Move:
    """An opensource site with a Kafka bridge, and an enterprise one that writes to Kafka itself."""
    found = (
        variants("pilot"),
        sites_with_worker(folder, "pilot", beside=True),
        sites_with_worker(folder, "pilot"),
    )
    return Move(*(compose(next(site for site in sites if site.name == request.param)) for sites in found))


def objects(composition: Composition) -> dict[tuple[str, str], dict[str, Any]]:
    site = composition.site.name
    return {
        (made.kind, made.name.removeprefix(f"{site}-")): dict(made.inputs) for made in composition.objects
    }


def told(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = hocon.read(text(site, OFFLINE))
    return found


def flows(composition: Composition) -> Iterator[tuple[str, str, str]]:
    for made in composition.of("NetworkPolicy"):
        for way in ("ingress", "egress"):
            for rule in made.spec.get(way, ()):
                peers = rule.get("from", rule.get("to")) or [{}]
                for peer in peers:
                    for port in rule.get("ports", [{}]):
                        yield made.metadata["name"], way, f"{peer} {port}"


def test_the_ways_are_the_old_one_both_and_the_workers(move: Move) -> None:
    way = "broker" if move.before.site.broker.edition == "enterprise" else "bridge"
    found = [(made.site.way_to_kafka, made.site.streams.by_worker) for made in (move.before, move.beside)]
    assert found == [(way, False), (way, True)]
    assert (move.after.site.way_to_kafka, move.after.site.streams.by_worker) == ("worker", True)


def test_beside_a_site_has_all_of_both_and_nothing_else(move: Move) -> None:
    before, beside, after = (set(objects(made)) for made in (move.before, move.beside, move.after))
    assert beside == before | after
    assert beside - after == GONE[move.name]


def test_the_first_step_changes_nothing_that_carries(move: Move) -> None:
    """But the largest record, which is a worker's, too, and larger: topics and who writes to them have room for it."""
    before, beside = objects(move.before), objects(move.beside)
    for kind in ("KafkaUser", "Secret", "ExternalSecret", "Certificate", "ConfigMap"):
        for key in (key for key in before if key[0] == kind and key[1] not in ("dashboard", "opa-data")):
            assert beside[key] == before[key], key
    for key in (key for key in before if key[0] == "KafkaBridge"):
        assert without(beside[key], "max.request.size") == without(before[key], "max.request.size")
    for key in (key for key in before if key[0] == "KafkaTopic"):
        assert without(beside[key], "max.message.bytes") == without(before[key], "max.message.bytes")
        assert largest(beside[key]) >= largest(before[key])


def without(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: without(part, key) for name, part in value.items() if name != key}
    return value


def largest(topic: dict[str, Any]) -> int:
    return int(topic["spec"]["config"].get("max.message.bytes", 0))


def test_the_second_step_changes_no_worker_but_in_the_largest_record(move: Move) -> None:
    beside, after = objects(move.beside), objects(move.after)
    found = [key for key in after if "worker" in key[1] and after[key] != beside[key]]
    # What is in a worker's file of settings starts it again.
    assert set(found) <= {("ConfigMap", "kafka-worker-settings"), ("StatefulSet", "kafka-worker")}
    assert bool(found) == (move.before.site.way_to_kafka == "bridge")
    for key in found:
        if key[0] == "StatefulSet":
            assert without(after[key], "annotations") == without(beside[key], "annotations")
            continue
        for name, file in after[key]["data"].items():
            other = json.loads(beside[key]["data"][name])
            assert without(json.loads(file), "largest_record") == without(other, "largest_record")


def test_topics_never_take_less_than_what_is_written_to_them(move: Move) -> None:
    topics = [
        {key: made for key, made in objects(state).items() if key[0] == "KafkaTopic"}
        for state in (move.before, move.beside, move.after)
    ]
    for key in topics[1]:
        assert largest(topics[1][key]) >= max(largest(state[key]) for state in topics if key in state)


def test_the_brokers_rules_and_their_ways_stay_and_the_workers_are_told(move: Move) -> None:
    before, beside, after = (told(made.site) for made in (move.before, move.beside, move.after))
    rules = [state["rule_engine"]["rules"] for state in (before, beside, after)]
    # The texts that say which configuration it is differ.
    mine, both, workers = (
        {name: rule for name, rule in state.items() if name != "configuration"} for state in rules
    )
    assert both == mine | workers
    assert not set(mine) & {name for name in workers if name.startswith("audit_")}
    for root in ("connectors", "actions"):
        assert set(paths(beside[root])) == set(paths(before[root])) > set(paths(after[root]))
    assert beside["listeners"] == after["listeners"]
    assert beside["zones"] == after["zones"]
    assert beside["mqtt"] == after["mqtt"]


def paths(root: dict[str, Any]) -> Iterator[tuple[str, str]]:
    return ((kind, name) for kind, entries in root.items() for name in entries)


def test_both_configurations_fit_emqx_own_schema(move: Move) -> None:
    schema = EmqxSchema.load(move.before.site.broker.edition)
    for made in (move.before, move.beside, move.after):
        assert schema.problems(told(made.site)) == []


def test_every_way_in_the_network_is_open(move: Move) -> None:
    beside = set(flows(move.beside))
    for end in move.ends:
        assert set(flows(end)) <= beside
    assert set(flows(move.before)) | set(flows(move.after)) == beside


def test_every_alert_and_secret_and_right_of_both_is_there(move: Move) -> None:
    def names_of(site: Site) -> set[str]:
        return {alert.name for alert in alerts(site)}

    beside = move.beside.site
    before, after = (made.site for made in move.ends)
    assert names_of(beside) == names_of(before) | names_of(after)
    assert slots(beside) == slots(before) | slots(after)
    assert carriers(beside) == carriers(before) | carriers(after)
    assert set(needed_apis(beside)) == set(needed_apis(before)) | set(needed_apis(after))
    for user in carriers(beside):
        assert f"{beside.name}-{user}" in rights_text(beside, "kubernetes", "deployer")


def test_external_secrets_may_read_the_passwords_of_both(move: Move) -> None:
    policies = {made.name: made.inputs["policy"] for made in compose_bootstrap(move.beside.site).of("Policy")}
    policy = policies.get(f"{move.name}-read-secrets", "")
    brought = move.beside.site.platform.external_secrets is not None
    for secret in carriers(move.beside.site).values():
        assert (f"/{move.name}/{secret}" in policy) is brought


def test_the_first_step_moves_no_data_and_the_second_only_where_the_broker_was_kafkas_client(
    move: Move,
) -> None:
    before, beside, after = (
        data_move.template_digest(made.site) for made in (move.before, move.beside, move.after)
    )
    assert before == beside
    assert (beside == after) == (move.before.site.broker.edition == "opensource")


def test_the_former_way_is_checked_as_if_there_were_no_workers(folder: Path) -> None:
    """The control: without its user it is refused, and its keys have an effect again."""
    for beside in (True, False):
        sites = sites_with_worker(folder, "pilot", beside=beside)
        site = next(site for site in sites if site.name == "eagle-ford")
        users = tuple(user for user in site.streams.users if user.name != site.streams.writer)
        assert bool([*the_data_path_can_write.find(changed(site, users=users))]) == beside
        assert bool([*keys_beside_workers_have_an_effect.find(changed(site, delivery="awaited"))]) != beside


def changed(site: Site, **streams: Any) -> Site:
    return site.model_copy(update={"streams": site.streams.model_copy(update=streams)})
