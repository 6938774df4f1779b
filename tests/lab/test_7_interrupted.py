"""Deployments are killed at their worst points; after `sitectl recover` one `pulumi up` makes the site whole again.

The kills follow on one another on one site, which saves deployments: first updates, then destructions, then a first
deployment from nothing. At the end every server has exactly what an undisturbed deployment makes.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from components.vault_names import issuing_mount, root_mount
from lab.chaos.fingerprint import Fingerprint, differences, fingerprint
from lab.chaos.striking import Checkpoint, Moment, state_file, strike
from lab.demo import namespace_urns
from lab.estate import Estate
from lab.waiting import NotInTimeError, wait_until
from model import Site
from sitectl.recovery import mending
from sitectl.recovery.authorities import REQUEST, SIGNED, TAKEN_IN
from sitectl.recovery.vault import CUT_OFF
from tests.support import servers
from tests.support.shell import Shell

UP = ("up", "--yes", "--skip-preview")
DESTROY = ("destroy", "--yes", "--skip-preview")
SETTLED_SECONDS = 60
MORE_NODES = "broker:\n  replicas: 5\n"
LONGER = "streams:\n  topics:\n    - name: raw\n      retention: 20d\n"


def at(doing: str, *kinds: str) -> Moment:
    """Strike when something of one of the kinds is under way.

    Not while an engine of Vault is being deleted: Vault 1.21.4 then keeps its list of engines locked until it is
    started again (runbooks/interrupted-deployment.md).
    """

    def holds(now: Checkpoint) -> bool:
        return any(now.doing(doing, kind) for kind in kinds) and not now.doing("deleting", "Mount")

    return holds


class Bench:
    """One site that is deployed, killed and recovered."""

    def __init__(self, shell: Shell, estate: Estate, site: Site, kafka: AdminClient, logs: Path) -> None:
        self.shell, self.estate, self.site, self.kafka, self.logs = shell, estate, site, kafka, logs

    def kill(self, command: tuple[str, ...], moment: Moment) -> None:
        """Run `pulumi` and kill it at a moment; a run that ends before that fails the test."""
        struck = strike(
            ("pulumi", *command, "--stack", self.site.name, "--non-interactive"),
            self.shell.folder,
            self._environment(),
            state_file(self.estate.state, self.site.name),
            moment,
            self.logs / "pulumi.log",
        )
        assert struck.struck, struck.text

    def recover(self, *, locked: bool = True) -> list[dict[str, str]]:
        """Recover the site, and return what was done; a killed run has left a lock."""
        outcome = self.shell.run("sitectl", "recover", self.site.name, "--yes", "--json", timeout=240)
        found = json.loads(outcome.out)
        assert bool(found["locks"]) is locked, outcome.text
        done: list[dict[str, str]] = found["done"]
        if any(CUT_OFF in one["what"] for one in done):
            self.estate.stop("vault")
            self.estate.up()
        return done

    def up(self) -> None:
        """One `pulumi up`."""
        self.shell.pulumi(*UP, "--stack", self.site.name)

    def first(self) -> None:
        """One `pulumi up` of the whole site, and the rights that its kinds need once they are there."""
        self.up()
        self.shell.grant(self.site)

    def seen(self) -> Fingerprint:
        """What of the site is on every server."""
        return fingerprint(self.site, {**self._environment(), **self.shell.administration}, self.kafka)

    def equals(self, before: Fingerprint) -> None:
        """Wait until every server has what it had before: Kafka's operator works on after `up`."""
        with contextlib.suppress(NotInTimeError):
            wait_until(lambda: not differences(before, self.seen()), SETTLED_SECONDS, "the servers")
        assert differences(before, self.seen()) == []
        assert self.shell.preview(self.site.name) == []

    def namespace(self) -> None:
        """Have the namespace made, and the rights in it given by the cluster's administrator, as the first time."""
        targets = [f"--target={urn}" for urn in namespace_urns(self.site.name)]
        self.shell.pulumi(*UP, "--stack", self.site.name, *targets)
        self.shell.grant(self.site)

    def forget(self, is_lost: Callable[[str], bool] = bool) -> None:
        """Take what is of such a type out of the state, all of it where none is said: as if it was never written."""
        document = json.loads(self.shell.pulumi("stack", "export", "--stack", self.site.name).out)
        lost = [entry["urn"] for entry in mending.resources(document) if is_lost(entry["type"])]
        text = json.dumps(mending.mended(document, [], lost))
        self.shell.pulumi("stack", "import", "--stack", self.site.name, text=text)

    def namespace_is_going(self) -> bool:
        """Say whether the deletion of the namespace has reached the cluster."""
        phase = "jsonpath={.status.phase}"
        found = self.shell.kubectl("get", "namespace", self.site.namespace, "--output", phase, check=False)
        return found.out == "Terminating"

    def made(self, kind: str, plural: str) -> Moment:
        """Strike when one of a kind is being created that was not there before, and has reached the cluster."""
        creating, before = at("creating", kind), self._names(plural)
        return lambda now: creating(now) and bool(self._names(plural) - before)

    def _names(self, plural: str) -> set[str]:
        namespace = f"--namespace={self.site.namespace}"
        return set(self.shell.kubectl("get", plural, namespace, "--output", "name", check=False).out.split())

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.shell.environment}


@pytest.fixture(scope="module")
def bench(
    deployed: Shell,
    estate: Estate,
    site: Site,
    kafka: AdminClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bench]:
    """The deployed site; its file is put back, and it is whole again at the end."""
    file = deployed.folder / "stacks" / "sites" / f"{site.name}.yaml"
    kept = file.read_text()
    made = Bench(deployed, estate, site, kafka, tmp_path_factory.mktemp("killed"))
    yield made
    file.write_text(kept)
    deployed.grant(site)


@pytest.fixture(scope="module")
def undisturbed(bench: Bench) -> Fingerprint:
    """What the servers have of the site before anything is killed, with what its life has left there."""
    assert bench.shell.preview(bench.site.name) == []
    return bench.seen()


@pytest.fixture(scope="module")
def anew(bench: Bench) -> Fingerprint:
    """What a first deployment makes on every server when nothing disturbs it; it is taken away again."""
    bench.namespace()
    bench.first()
    made = bench.seen()
    bench.shell.pulumi(*DESTROY, "--stack", bench.site.name)
    return made


def test_killed_updates_converge(bench: Bench, undisturbed: Fingerprint) -> None:
    file = bench.shell.folder / "stacks" / "sites" / f"{bench.site.name}.yaml"
    text = file.read_text()
    file.write_text(text.replace("broker:\n", MORE_NODES, 1).replace("streams:\n", LONGER, 1))
    bench.kill(UP, at("updating", "EMQX"))
    # Refused by the lock, and a preview, which takes none, by the program: with the next step.
    refused = bench.shell.pulumi("preview", "--stack", bench.site.name, check=False)
    assert refused.code != 0
    assert f"`sitectl recover {bench.site.name}`" in refused.text
    bench.recover()
    bench.kill(UP, bench.made("Job", "jobs"))
    done = bench.recover()
    assert ("Job", "imported") in {(one["kind"], one["what"].split()[0]) for one in done}
    file.write_text(text)
    bench.kill(UP, at("updating", "EMQX", "KafkaTopic", "KafkaBridge", "PrometheusRule", "ConfigMap"))
    bench.recover()
    bench.up()
    bench.equals(undisturbed)


def test_what_a_kill_cut_off_beside_the_state_is_no_end(bench: Bench) -> None:
    """Pulumi writes a sidecar in place: a kill in between leaves it empty, and nothing is read any more."""
    state = state_file(bench.estate.state, bench.site.name)
    state.with_name(f"{state.name}.attrs").write_text("")
    refused = bench.shell.pulumi("preview", "--stack", bench.site.name, check=False)
    assert (refused.code != 0, "failed to load checkpoint: EOF" in refused.text) == (True, True)
    assert bench.recover(locked=False)[0]["what"].startswith("deleted: ")
    assert bench.shell.preview(bench.site.name) == []


def test_a_killed_destruction_converges(bench: Bench, undisturbed: Fingerprint) -> None:
    bench.kill(DESTROY, at("deleting", "EMQX"))
    bench.recover()
    bench.up()
    # The CAs were not reached: they are the same.
    bench.equals(undisturbed)


@pytest.mark.parametrize("lost", [(TAKEN_IN, SIGNED), (TAKEN_IN, SIGNED, REQUEST)], ids=len)
def test_what_a_destruction_leaves_of_the_cas_makes_room(
    bench: Bench, undisturbed: Fingerprint, lost: tuple[str, ...]
) -> None:
    """Killed once Vault has deleted the root: the state has it yet, and lacks what was deleted before it."""
    vault, mount = servers.vault_root(bench.shell, bench.estate), root_mount(bench.site)
    for issuer in vault.get(f"/{mount}/issuers?list=true")["data"]["keys"]:
        assert vault.ask("DELETE", f"/{mount}/issuer/{issuer}").status in (200, 204)
    bench.forget(lambda kind: kind in lost)
    done = bench.recover(locked=False)
    also = " and its certificate" if REQUEST in lost else ""
    assert {one["what"].partition(",")[0] for one in done if one["kind"] == "key"} == {
        f"deleted: the key root-g1 of {mount}",
        f"deleted: the {'' if also else 'certificate of the '}key issuing-g1 of {issuing_mount(bench.site)}{also}",
    }
    bench.up()
    bench.equals(undisturbed)


def test_killed_destructions_leave_what_a_first_deployment_can_begin_with(bench: Bench) -> None:
    bench.kill(DESTROY, at("deleting", "KafkaTopic", "KafkaUser", "Client", "Realm"))
    bench.recover()
    namespace = at("deleting", "Namespace")
    bench.kill(DESTROY, lambda now: namespace(now) and bench.namespace_is_going())
    bench.recover()
    assert not bench.shell.exists("namespace", bench.site.namespace)
    bench.shell.pulumi(*DESTROY, "--stack", bench.site.name)
    assert bench.shell.state(bench.site.name) == []


def test_killed_first_deployments_converge(bench: Bench, anew: Fingerprint) -> None:
    bench.namespace()
    bench.kill(UP, at("creating", "SecretBackendRootCert"))
    bench.recover()
    bench.kill(UP, at("creating", "Subflow", "Execution", "ClientScope", "Group"))
    bench.recover()
    bench.kill(UP, bench.made("EMQX", "emqx"))
    done = bench.recover()
    assert ("EMQX", "imported") in {(one["kind"], one["what"].split()[0]) for one in done}
    bench.first()
    bench.equals(anew)


def test_what_the_state_lost_is_imported_and_changes_nothing(bench: Bench, anew: Fingerprint) -> None:
    """All of it, as a disk that was full from the first write on leaves it.

    The CAs too: the text of an intermediate's request is lost, and its certificate is the same.
    """
    bench.forget()
    done = bench.recover(locked=False)
    imported = [one["kind"] for one in done if one["what"].startswith("imported")]
    authorities = {"SecretBackendRootCert", "SecretBackendIntermediateCertRequest"}
    authorities |= {"SecretBackendRootSignIntermediate", "SecretBackendIntermediateSetSigned"}
    assert set(imported) >= {"Namespace", "EMQX", "Realm", "Execution", "Client", *authorities}
    # What is not imported is simply written again; nothing is changed or replaced.
    assert {step.operation for step in bench.shell.preview(bench.site.name)} == {"create"}
    bench.first()
    bench.equals(anew)
