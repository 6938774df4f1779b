"""The lab's Vault has what the sample sites' External Secrets ask for, and keeps what is there."""

import base64
import json
import re
from typing import Any, cast

from lab.servers.http import Answer, Client
from lab.servers.vault import READER_POLICY
from lab.slots import fill, sites_with_slots
from model import load_site
from tests.support.composing import compose
from tests.support.shell import REPOSITORY

STACKS = REPOSITORY / "stacks"


class Vault:
    """A key-value engine in memory."""

    def __init__(self) -> None:
        self.slots: dict[str, dict[str, str]] = {}

    def ask(self, _method: str, path: str) -> Answer:
        if path not in self.slots:
            return Answer(404, b"{}")
        return Answer(200, json.dumps({"data": {"data": self.slots[path]}}).encode())

    def must(self, _method: str, path: str, body: Any) -> None:
        self.slots[path] = body["data"]


def filled(vault: Vault) -> dict[str, dict[str, str]]:
    for site, slots in sites_with_slots(STACKS).items():
        fill(cast(Client, vault), site, slots, "PEM")
    return {path.removeprefix("/v1/iot/data/"): values for path, values in vault.slots.items()}


def test_every_key_that_a_sample_site_asks_for_is_there() -> None:
    there = filled(Vault())
    assert set(sites_with_slots(STACKS)) == {"eagle-ford"}
    for phase in ("pilot", "parallel", "cutover"):
        site = load_site(STACKS, "eagle-ford").model_copy(update={"phase": phase})
        for made in compose(site).of("ExternalSecret"):
            for entry in made.spec["data"]:
                mount, _, slot = entry["remoteRef"]["key"].partition("/")
                assert mount == "iot"
                assert there[slot][entry["remoteRef"]["property"]]


def test_values_are_of_their_kind() -> None:
    there = filled(Vault())
    assert there["eagle-ford/broker-kafka"]["ca.crt"] == "PEM"
    assert len(base64.b64decode(there["eagle-ford/dashboard-proxy"]["cookie-secret"])) == 32
    vault = Vault()
    fill(cast(Client, vault), "north", {"broker-metrics-key": ("key", "secret", "secret-with-role")}, "PEM")
    (values,) = vault.slots.values()
    assert values["secret-with-role"] == f"{values['secret']}:viewer"


def test_a_password_is_one_that_strimzi_can_hand_on_without_quotes() -> None:
    vault = Vault()
    fill(cast(Client, vault), "north", {f"sink-{number}": ("kafka-password",) for number in range(50)}, "PEM")
    passwords = {values["kafka-password"] for values in vault.slots.values()}
    assert len(passwords) == 50
    assert all(re.fullmatch(r"[a-z][0-9a-z]+", password) for password in passwords)


def test_what_is_there_stays() -> None:
    vault = Vault()
    before = filled(vault)
    assert filled(vault) == before


def test_the_reader_may_read_slots_and_nothing_else() -> None:
    assert READER_POLICY.count("path ") == 1
    assert '"iot/data/*"' in READER_POLICY
    assert '["read"]' in READER_POLICY
