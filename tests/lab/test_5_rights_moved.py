"""A site that was deployed before its logins had a stack of their own moves, and no login is deleted or made anew."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from components.vault_access import urn_in_site
from model import Site
from tests.support import servers
from tests.support.shell import Shell, steps

HERE = "iot-broker:pki:VaultAccess"
THERE = "iot-broker:site:IotSite$iot-broker:pki:VaultPki$iot-broker:pki:VaultAccess"
# What only the bootstrap has ever made.
NEVER_THERE = re.compile(r"appRole|-approle$|-(deployer|review)$|-(host|gateway)-")


@pytest.fixture
def before(deployed: Shell, site: Site) -> Iterator[Shell]:
    """The site's stack as the kit of before left it: policies and logins among its own resources."""
    own = _export(deployed, site.name)
    access = json.loads(deployed.administrator("stack", "export", "--stack", site.name).out)
    kept_own, kept_access = json.dumps(own), json.dumps(access)
    moved = [
        _as_before(resource, own, site)
        for resource in access["deployment"]["resources"]
        if _was_there(resource)
    ]
    assert len(moved) > 10
    own["deployment"]["resources"] += moved
    (stack,) = (entry for entry in own["deployment"]["resources"] if entry["type"] == "pulumi:pulumi:Stack")
    del stack["outputs"]["vaultAccess"]
    access["deployment"]["resources"] = []
    deployed.pulumi("stack", "import", "--stack", site.name, text=json.dumps(own))
    deployed.administrator("stack", "import", "--stack", site.name, text=json.dumps(access))
    vault = servers.vault(deployed)
    assert vault.ask("DELETE", f"/sys/auth/approle-{site.name}").status == 204
    for name in _policies(vault, site):
        if NEVER_THERE.search(name) and not name.endswith("-issue-gateway"):
            assert vault.ask("DELETE", f"/sys/policies/acl/{name}").status == 204
    yield deployed
    # What was not moved is put back: later tests have a site of today.
    if urn_in_site(site.name) in {entry["urn"] for entry in deployed.state(site.name)}:
        deployed.pulumi("stack", "import", "--stack", site.name, text=kept_own)
        deployed.administrator("stack", "import", "--stack", site.name, text=kept_access)
        deployed.administrator("refresh", "--yes", "--skip-preview", "--stack", site.name)
        deployed.bootstrap(site.name)
        deployed.up(site.name)


def _export(shell: Shell, stack: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shell.pulumi("stack", "export", "--stack", stack).out)
    return found


def _was_there(resource: dict[str, Any]) -> bool:
    name = resource["urn"].rpartition("::")[2]
    kind = resource["type"]
    apart = kind.startswith("pulumi:") or (kind != HERE and NEVER_THERE.search(f"{kind} {name}"))
    # The class's own policy of gateways was always there.
    return not apart or name.endswith("-issue-gateway")


def _as_before(resource: dict[str, Any], own: dict[str, Any], site: Site) -> dict[str, Any]:
    """Return a resource of the bootstrap as it was in the site's own stack: another URN, parent and provider."""
    provider = next(
        f"{entry['urn']}::{entry['id']}"
        for entry in own["deployment"]["resources"]
        if entry["type"] == "pulumi:providers:vault"
    )
    text = json.dumps(resource).replace(f"iot-broker-bootstrap::{HERE}", f"iot-broker::{THERE}")
    found: dict[str, Any] = json.loads(text)
    if found["type"] == HERE:
        found["parent"] = f"urn:pulumi:{site.name}::iot-broker::{THERE.rpartition('$')[0]}::{site.name}-pki"
    if "provider" in found:
        found["provider"] = provider
    return found


def test_nothing_is_deleted_and_nothing_made_anew(before: Shell, site: Site) -> None:
    vault = servers.vault(before)
    login = vault.get(f"/sys/auth/kubernetes-{site.name}")["data"]["accessor"]
    policies = _policies(vault, site)
    assert f"iot-{site.name}-deployer" not in policies
    assert urn_in_site(site.name) in {entry["urn"] for entry in before.state(site.name)}
    # The control: the program of today would delete them, and so it refuses before it does anything.
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        refused = before.pulumi(*command, "--stack", site.name, check=False)
        assert refused.code != 0
        assert "pulumi state move" in refused.text
        assert "Traceback" not in refused.text
    move = re.search(r"pulumi state move (.*) '(urn:[^']*)'", refused.text)
    assert move is not None
    before.administrator("state", "move", *move[1].split(), move[2])
    # The site's stack has nothing to say of them any more, and the bootstrap's adds and deletes nothing of theirs.
    assert before.preview(site.name) == []
    planned = steps(json.loads(before.administrator("preview", "--json", "--stack", site.name).out))
    # Its connection to Vault is another, and its safeguard is in the state alone: neither is anything in Vault.
    touched = [step for step in planned if not step.type_token.startswith("pulumi:")]
    assert {step.operation for step in touched} <= {"create"}
    assert all(NEVER_THERE.search(f"{step.type_token} {step.name}") for step in touched), touched
    before.bootstrap(site.name)
    assert vault.get(f"/sys/auth/kubernetes-{site.name}")["data"]["accessor"] == login
    assert _policies(vault, site) > policies
    before.up(site.name)
    assert before.preview(site.name) == []
    assert steps(json.loads(before.administrator("preview", "--json", "--stack", site.name).out)) == []


def _policies(vault: servers.Client, site: Site) -> set[str]:
    names: list[str] = vault.get("/sys/policies/acl?list=true")["data"]["keys"]
    return {name for name in names if name.startswith(f"iot-{site.name}-")}
