"""Preflight names every secret, and every key of it, that the site needs and that is not there; it sees no value."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest

from components.requirements import needed_secrets
from model import Site, load_site
from model.broker import Licence
from model.platform import ExternalSecrets
from model.units import Duration
from sitectl.checks.kubectl import Kubectl
from sitectl.checks.secrets import secret_findings, slot_findings
from sitectl.checks.web import Answer, Web
from tests.support.shell import REPOSITORY
from tests.support.variants import sites_with_worker

EXTERNAL = ExternalSecrets(store="vault", path="iot", refresh=Duration(3600))


def site(name: str = "baytown", *, external: bool = False, licensed: bool = False) -> Site:
    found = load_site(REPOSITORY / "stacks", name)
    platform = found.platform.model_copy(update={"external_secrets": EXTERNAL if external else None})
    licence = Licence(secret="broker-licence", key="emqx.lic") if licensed else None
    broker = found.broker.model_copy(update={"licence": licence})
    return found.model_copy(update={"platform": platform, "broker": broker})


class Cluster(Kubectl):
    """A cluster that has some Secrets."""

    _late = "baytown-ot-worker"

    def __init__(self, secrets: dict[str, set[str]], *, users: bool = True) -> None:
        super().__init__("site")
        self._secrets = secrets
        self._users = users

    def keys_of_secrets(self, namespace: str, secrets: Iterable[str]) -> dict[str, set[str]]:
        if namespace == "kafka":
            wanted = set(secrets)
            assert wanted in ({"baytown-broker"}, {"baytown-worker", "baytown-ot-worker"})
            made = {"password", "sasl.jaas.config"}
            return dict.fromkeys(wanted if self._users else wanted - {"baytown-broker", self._late}, made)
        assert namespace == "iot-baytown"
        return {name: keys for name, keys in self._secrets.items() if name in set(secrets)}


class Vault:
    """A Vault that has some keys under each path, or answers with a status."""

    def __init__(self, slots: dict[str, set[str]], status: int = 200) -> None:
        self._slots = slots
        self._status = status
        self.asked: list[str] = []

    def get(self, path: str) -> Answer:
        self.asked.append(path)
        name = path.rpartition("/")[2]
        if self._status != 200 or name not in self._slots:
            return Answer(self._status if self._status != 200 else 404, None)
        return Answer(200, {"data": {"subkeys": dict.fromkeys(self._slots[name])}})


def looked(vault: Vault, wanted: Site) -> list[Any]:
    return slot_findings(cast(Web, vault), wanted)


def all_of(wanted: Site) -> dict[str, set[str]]:
    return {name: set(keys) for name, keys in needed_secrets(wanted).items()}


@pytest.mark.parametrize("name", ["eagle-ford", "baytown", "north-cormorant"])
def test_a_site_needs_the_secrets_that_its_resources_name(name: str) -> None:
    wanted = needed_secrets(site(name))
    assert {"broker-kafka", "sinks-kafka", "dashboard-proxy"} <= set(wanted)
    assert ("broker-administrator" in wanted) is (name != "north-cormorant")
    # A key without a role is an administrator's, and Prometheus gets none.
    key = ("key", "secret", "secret-with-role") if name == "north-cormorant" else None
    assert wanted.get("broker-metrics-key") == key


def test_a_bridge_and_a_licence_need_theirs() -> None:
    bridged = load_site(REPOSITORY / "stacks", "baytown").model_copy(update={"phase": "parallel"})
    assert "incumbent-bridge" not in needed_secrets(site())
    assert needed_secrets(site(licensed=True))["broker-licence"] == ("emqx.lic",)
    assert ("incumbent-bridge" in needed_secrets(bridged)) is (bridged.bridge != "none")


def test_all_is_well_where_every_key_is_there() -> None:
    (finding,) = secret_findings(Cluster(all_of(site())), site())
    assert finding.passed
    assert "broker-kafka" in finding.detail


def test_every_missing_secret_and_key_is_named_with_the_way_out() -> None:
    there = all_of(site())
    del there["broker-administrator"]
    there["broker-kafka"] = {"password"}
    (finding,) = secret_findings(Cluster(there), site())
    assert finding.detail == "missing: broker-kafka (ca.crt); broker-administrator (password)"
    assert "kubectl create secret generic NAME --namespace iot-baytown" in finding.remedy


def without_kafkas_passwords() -> dict[str, set[str]]:
    return {
        name: keys - ({"password"} if name in ("broker-kafka", "sinks-kafka") else {"kafka-password"})
        for name, keys in all_of(site()).items()
    }


def test_what_strimzi_makes_in_the_first_up_is_not_asked_for_before() -> None:
    (finding,) = secret_findings(Cluster(without_kafkas_passwords(), users=False), site())
    assert finding.passed
    assert "broker-kafka (password)" in finding.detail
    assert "sink-archive (kafka-password)" in finding.detail
    there = without_kafkas_passwords()
    there["broker-kafka"] = set()
    (lacking,) = secret_findings(Cluster(there, users=False), site())
    assert lacking.detail == "missing: broker-kafka (ca.crt)"


def test_once_strimzi_has_made_it_a_password_that_was_not_copied_is_missing() -> None:
    (finding,) = secret_findings(Cluster(without_kafkas_passwords()), site())
    assert not finding.passed
    assert "broker-kafka (password)" in finding.detail


def test_with_external_secrets_the_values_are_looked_for_in_vault_alone() -> None:
    external = site(external=True)
    assert secret_findings(Cluster({}), external) == []
    vault = Vault(all_of(external))
    (finding,) = looked(vault, external)
    assert finding.passed
    # Names of keys, never `data`, where the values are.
    assert {path.rpartition("/")[0] for path in vault.asked} == {"/v1/iot/subkeys/baytown"}


def test_a_missing_slot_or_key_in_vault_is_named_with_the_way_out() -> None:
    external = site(external=True)
    there = all_of(external)
    del there["broker-kafka"]
    there["broker-administrator"] = set()
    (finding,) = looked(Vault(there), external)
    assert finding.detail == "missing: broker-kafka (password, ca.crt); broker-administrator (password)"
    assert "vault kv put -mount=iot baytown/SECRET" in finding.remedy


def test_a_token_that_may_not_look_is_told_so() -> None:
    external = site(external=True)
    (finding,) = looked(Vault({}, status=403), external)
    assert "rights/vault/deployer.hcl" in finding.remedy
    policy = (REPOSITORY / "rights" / "vault" / "deployer.hcl").read_text(encoding="utf-8")
    assert 'path "${secrets}/subkeys/${site}/*"' in policy


def test_vault_is_not_asked_where_the_site_makes_its_secrets_itself() -> None:
    assert looked(Vault({}), site()) == []


def test_a_licence_is_looked_for_in_the_cluster_even_then() -> None:
    external = site(external=True, licensed=True)
    (finding,) = secret_findings(Cluster({}), external)
    assert finding.detail == "missing: broker-licence (emqx.lic)"
    (slots,) = looked(Vault(all_of(external)), external)
    assert "broker-licence" not in slots.detail


def kubectl_says(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Kubectl:
    (folder / "kubectl").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Kubectl("site")


def test_kubectl_is_asked_for_names_and_prints_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'echo "$@" > {tmp_path}/asked; printf "one\\none a\\none b\\ntwo\\n"'
    found = kubectl_says(tmp_path, monkeypatch, script).keys_of_secrets("iot-baytown", ["one", "two"])
    assert found == {"one": {"a", "b"}, "two": set()}
    asked = (tmp_path / "asked").read_text()
    assert "get secret one two one --namespace=iot-baytown --ignore-not-found" in asked
    assert "{{println $name $key}}" in asked
    assert "println $value" not in asked


def test_a_cluster_that_does_not_let_look_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = kubectl_says(tmp_path, monkeypatch, 'echo "error: Forbidden" >&2; exit 1')
    (finding,) = secret_findings(kubectl, site())
    assert finding.detail == "Forbidden"
    assert not finding.passed


def test_the_passwords_of_workers_come_with_the_first_up(tmp_path: Path) -> None:
    """One of two users is not there yet: the keys of both are waited for, and nothing of the broker's is."""
    wanted = next(one for one in sites_with_worker(tmp_path, "pilot") if one.name == "baytown")
    assert "broker-kafka" not in needed_secrets(wanted)
    here = all_of(wanted)
    here["kafka-worker-kafka"] -= {"password"}
    (waiting,) = secret_findings(Cluster(here, users=False), wanted)
    assert "all but kafka-worker-kafka (password)" in waiting.detail
    (lacking,) = secret_findings(Cluster(here), wanted)
    assert "missing: kafka-worker-kafka (password)" in lacking.detail
