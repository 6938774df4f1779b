"""What an interrupted deployment left is put into the state as data: no server, no Pulumi."""

import os
import socket
from importlib import metadata
from typing import Any

import pytest

from components.recording import OFFLINE
from model import Site
from sitectl.checks.kubectl import Seen
from sitectl.recovery import kubernetes, mending, vault
from sitectl.recovery.advice import advice
from sitectl.recovery.found import Found
from sitectl.recovery.recovering import _cleared, _in_making, _runs_here
from sitectl.recovery.stack import Holder, holders, is_locked
from sitectl.recovery.wanted import Wanted, of_bootstrap, of_site, with_ids
from tests.unit.components.conftest import composed

LOCKED = """error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete \
the lock file with `pulumi cancel`.
  file:///state/.pulumi/locks/organization/iot-broker/eagle-ford/a.json: created by deployer@runner-7 (pid 4711) \
at 2026-11-27T03:00:00Z
"""


@pytest.fixture(scope="module")
def site() -> Site:
    return composed("eagle-ford").site


@pytest.fixture(scope="module")
def everything(site: Site) -> dict[str, Wanted]:
    return of_site(site, OFFLINE)


def the(everything: dict[str, Wanted], kind: str, name: str) -> Wanted:
    (found,) = (one for one in everything.values() if one.made.kind == kind and one.made.name == name)
    return found


def state(everything: dict[str, Wanted], *present: Wanted, pending: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Return an exported state with the components, the providers and these resources."""
    entries: dict[str, dict[str, Any]] = {}

    for one in everything.values():
        for frame in one.frames:
            entry = {"urn": frame.urn, "custom": frame.inputs is not None, "type": frame.type}
            if frame.inputs is not None:
                entry["id"] = f"id-of-{frame.type.rpartition(':')[2]}"
            entries[frame.urn] = entry
    for one in present:
        entries[one.urn] = {
            "urn": one.urn,
            "custom": True,
            "id": kubernetes.identity(one) if one.server == "kubernetes" else f"id-of-{one.made.name}",
            "type": one.made.type,
            "parent": one.parent,
            "inputs": dict(one.inputs),
        }
    deployment = {"manifest": {}, "resources": list(entries.values()), "pending_operations": list(pending)}
    return {"version": 3, "deployment": deployment}


def test_urns_have_the_types_of_all_parents(everything: dict[str, Wanted]) -> None:
    mapper = the(everything, "AudienceProtocolMapper", "eagle-ford-mqtt")
    assert mapper.urn == (
        "urn:pulumi:eagle-ford::iot-broker::iot-broker:site:IotSite$iot-broker:identity:KeycloakRealm$"
        "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper::eagle-ford-mqtt"
    )
    assert mapper.parent.endswith(
        "iot-broker:site:IotSite$iot-broker:identity:KeycloakRealm::eagle-ford-identity"
    )
    assert mapper.provider.endswith("$pulumi:providers:keycloak::eagle-ford-keycloak")


def test_the_bootstrap_has_its_own_project(site: Site) -> None:
    assert {urn.split("::")[1] for urn in of_bootstrap(site, OFFLINE)} == {"iot-broker-bootstrap"}


def test_a_broker_of_another_operators_version_is_in_the_state(everything: dict[str, Wanted]) -> None:
    broker = the(everything, "EMQX", "eagle-ford-broker")
    former = broker.urn.replace("apps.emqx.io/v2beta1", "apps.emqx.io/v2")
    assert mending.in_state(broker, {former: {"id": "x"}}) == {"id": "x"}


def test_ids_of_servers_take_the_place_of_placeholders(everything: dict[str, Wanted]) -> None:
    mapping = the(everything, "GenericRoleMapper", "eagle-ford-mqtt-broker-viewer")
    role = the(everything, "Role", "eagle-ford-broker-viewer")
    scope = the(everything, "ClientScope", "eagle-ford-mqtt")
    known = with_ids(mapping, everything, {role.urn: "role-7", scope.urn: "scope-9"})
    assert (known.inputs["roleId"], known.inputs["clientScopeId"]) == ("role-7", "scope-9")


def test_what_was_found_stands_in_the_state_with_its_component_and_provider(
    everything: dict[str, Wanted],
) -> None:
    topic = the(everything, "KafkaTopic", "eagle-ford-raw")
    mended = mending.mended(state(everything), [(topic, Found("kafka/eagle-ford.raw"))], [])
    entry = mending.live(mended)[topic.urn]
    assert entry["id"] == "kafka/eagle-ford.raw"
    assert entry["provider"] == f"{topic.provider}::id-of-kubernetes"
    assert entry["inputs"]["spec"] == entry["outputs"]["spec"]
    assert mending.resources(mended)[-1] == entry


def test_each_resource_brings_what_it_stands_in(everything: dict[str, Wanted], site: Site) -> None:
    """What is reported as imported is so: nothing is left out for want of its component or provider."""
    for one in (*everything.values(), *of_bootstrap(site, OFFLINE).values()):
        assert {one.parent, one.provider} <= {frame.urn for frame in one.frames}


def test_an_empty_state_takes_component_and_provider_with_what_was_found(
    everything: dict[str, Wanted],
) -> None:
    engine = the(everything, "Mount", "eagle-ford-issuing")
    topic = the(everything, "KafkaTopic", "eagle-ford-raw")
    empty = {"version": 3, "deployment": {"manifest": {}, "resources": None}}
    found = [(engine, Found("pki-eagle-ford-issuing")), (topic, Found("kafka/eagle-ford.raw"))]
    entries = mending.resources(mending.mended(empty, found, []))
    assert [entry["urn"].split("::", 2)[2] for entry in entries] == [
        "pulumi:pulumi:Stack::iot-broker-eagle-ford",
        "iot-broker:site:IotSite::eagle-ford",
        "iot-broker:site:IotSite$iot-broker:pki:VaultPki::eagle-ford-pki",
        "iot-broker:site:IotSite$pulumi:providers:vault::eagle-ford-vault",
        "iot-broker:site:IotSite$iot-broker:pki:VaultPki$vault:index/mount:Mount::eagle-ford-issuing",
        "iot-broker:site:IotSite$iot-broker:streams:KafkaTopics::eagle-ford-streams",
        "iot-broker:site:IotSite$pulumi:providers:kubernetes::eagle-ford-kubernetes",
        "iot-broker:site:IotSite$iot-broker:streams:KafkaTopics$kubernetes:kafka.strimzi.io/v1:KafkaTopic"
        "::eagle-ford-raw",
    ]
    stack, whole, component, provider, imported = entries[:5]
    assert [entry.get("parent") for entry in entries[:5]] == [
        None,
        stack["urn"],
        whole["urn"],
        whole["urn"],
        component["urn"],
    ]
    assert imported["provider"] == f"{provider['urn']}::{provider['id']}"
    assert provider["inputs"]["version"] == metadata.version("pulumi-vault")
    assert [entry["custom"] for entry in entries[:5]] == [False, False, False, True, True]


def test_inputs_of_the_killed_run_are_kept_as_it_had_checked_them(everything: dict[str, Wanted]) -> None:
    realm = the(everything, "Realm", "eagle-ford-realm")
    resource = {
        "urn": realm.urn,
        "type": realm.made.type,
        "inputs": {"realm": "eagle-ford", "__defaults": []},
    }
    document = state(everything, pending=({"type": "creating", "resource": resource},))
    mended = mending.mended(document, [(realm, Found("eagle-ford"))], [])
    assert mending.live(mended)[realm.urn]["inputs"] == resource["inputs"]
    assert mending.pending(mended) == []
    assert mending.pending(document), "the document itself is left as it was"


def test_a_successor_of_another_name_makes_its_predecessor_one_to_be_deleted(
    everything: dict[str, Wanted],
) -> None:
    job = next(one for one in everything.values() if one.made.kind == "Job")
    document = state(everything, job)
    mending.resources(document)[-1]["id"] = "iot-eagle-ford/an-older-name"
    mended = mending.mended(document, [(job, Found(kubernetes.identity(job)))], [])
    found = [(entry["id"], entry.get("delete", False)) for entry in mending.resources(mended)[-2:]]
    assert found == [("iot-eagle-ford/an-older-name", True), (kubernetes.identity(job), False)]


def test_what_was_to_go_and_is_wanted_again_stays(everything: dict[str, Wanted]) -> None:
    """An edit was taken back: the object of the old name is wanted, and its successor goes."""
    job = next(one for one in everything.values() if one.made.kind == "Job")
    document = state(everything, job)
    of_the_edit = mending.resources(document)[-1]
    of_the_edit["id"] = "iot-eagle-ford/name-of-the-edit"
    mending.resources(document).append({**of_the_edit, "id": kubernetes.identity(job), "delete": True})
    mended = mending.mended(document, [(job, Found(kubernetes.identity(job)))], [])
    found = {entry["id"]: entry.get("delete", False) for entry in mending.resources(mended)[-2:]}
    assert found == {"iot-eagle-ford/name-of-the-edit": True, kubernetes.identity(job): False}


def test_what_a_server_may_be_making_yet_is_looked_for_again(everything: dict[str, Wanted]) -> None:
    request = the(everything, "SecretBackendIntermediateCertRequest", "eagle-ford-issuing-g1")
    topic = the(everything, "KafkaTopic", "eagle-ford-raw")
    pending = tuple(
        {"type": "creating", "resource": {"urn": one.urn, "type": one.made.type}} for one in (request, topic)
    )
    document = state(everything, pending=pending)
    assert _in_making(document, everything.values()) == {request.urn}
    assert _in_making(document, [topic]) == set()


def test_a_cut_off_deletion_of_an_engine_asks_for_vault_to_be_started_again(
    everything: dict[str, Wanted],
) -> None:
    """Vault answers then, and the next deletion of an engine has no end: seen with a killed destruction."""
    engine, role = (
        next(one for one in everything.values() if one.made.type == kind)
        for kind in (vault.MOUNT, "vault:pkiSecret/secretBackendRole:SecretBackendRole")
    )
    pending = tuple(
        {"type": doing, "resource": {"urn": one.urn, "type": one.made.type}}
        for doing, one in (("deleting", engine), ("creating", engine), ("deleting", role))
    )
    done = _cleared(state(everything, pending=pending), set(), everything)
    assert [vault.CUT_OFF in one.what for one in done] == [True, False, False]


def test_a_mark_of_a_replacement_becomes_what_was_found(everything: dict[str, Wanted]) -> None:
    service = next(one for one in everything.values() if one.made.kind == "Service")
    document = state(everything, service)
    mending.resources(document)[-1] |= {"pendingReplacement": True}
    assert service.urn not in mending.live(document)
    mended = mending.mended(document, [(service, Found(kubernetes.identity(service)))], [])
    assert service.urn in mending.live(mended)
    assert len(mending.resources(mended)) == len(mending.resources(document))


def test_what_is_gone_goes_and_nothing_names_it_any_more(everything: dict[str, Wanted]) -> None:
    namespace = the(everything, "Namespace", "eagle-ford-namespace")
    topic = the(everything, "KafkaTopic", "eagle-ford-raw")
    document = state(everything, namespace, topic)
    mending.resources(document)[-1] |= {
        "dependencies": [namespace.urn],
        "propertyDependencies": {"metadata": [namespace.urn]},
    }
    mended = mending.mended(document, [], [namespace.urn])
    assert namespace.urn not in mending.live(mended)
    left = mending.live(mended)[topic.urn]
    assert (left["dependencies"], left["propertyDependencies"]) == ([], {"metadata": []})


def test_a_secret_of_the_program_is_one_in_the_state(everything: dict[str, Wanted]) -> None:
    login = next(
        one
        for one in everything.values()
        if one.made.kind == "Secret" and "1b47061264138c4ac30d75fd1eb44270" in str(one.inputs)
    )
    mended = mending.mended(state(everything), [(login, Found(kubernetes.identity(login)))], [])
    text = str(mending.live(mended)[login.urn]["inputs"])
    assert "'plaintext': " in text
    assert "'value': " not in text


def test_an_object_without_the_sites_label_is_left(everything: dict[str, Wanted]) -> None:
    topic = the(everything, "KafkaTopic", "eagle-ford-raw")
    place = ("KafkaTopic.kafka.strimzi.io", "kafka", "eagle-ford.raw")
    mine = kubernetes.look(
        "eagle-ford", [topic], {topic.urn: Seen(place, deleting=False, label="eagle-ford")}
    )
    assert list(mine.found) == [topic.urn]
    others = kubernetes.look("eagle-ford", [topic], {topic.urn: Seen(place, deleting=False, label="")})
    assert (dict(others.found), list(others.left)) == ({}, [topic.urn])


def test_who_holds_the_lock_is_read_off_pulumis_words() -> None:
    assert is_locked(LOCKED)
    assert holders(LOCKED) == (Holder("deployer", "runner-7", 4711, "2026-11-27T03:00:00Z"),)
    assert not is_locked("error: no stack named 'x' found")


@pytest.mark.skipif(not os.path.exists("/proc/self/comm"), reason="reads names of processes from /proc")
def test_a_process_of_another_name_or_machine_is_no_running_deployment() -> None:
    assert not _runs_here(Holder("me", socket.gethostname(), os.getpid(), ""))
    assert not _runs_here(Holder("me", "another-machine", 1, ""))


@pytest.mark.parametrize(
    "words",
    [
        LOCKED,
        "* urn:…, interrupted while creating",
        'configmaps "opa" already exists',
        "409 Conflict. Response body: Conflict detected",
        "path is already in use at pki-eagle-ford-root/",
        "error: failed to load checkpoint: EOF",
        "error: could not import deployment: EOF",
        "error: failed to load checkpoint: place 1: unexpected end of JSON input",
    ],
)
def test_words_of_an_interrupted_deployment_get_the_next_step(words: str) -> None:
    assert "sitectl recover eagle-ford" in advice("eagle-ford", words)


def test_other_words_get_none() -> None:
    assert advice("eagle-ford", "error: the server is away") == ""
