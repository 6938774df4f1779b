"""The files of rights name each kind that a site makes, and give nobody a way to more than they say."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components import rights
from components.recording import Composition
from components.requirements import needed_apis
from model import Site, load_site, site_names
from sitectl.entry import run as sitectl
from tests.support.shell import REPOSITORY
from tests.support.variants import STACKS

WRITES = {"create", "patch", "update", "delete"}
LOOKS = {"get", "list", "watch"}
CLUSTER_WIDE = {"namespaces", "clusterrolebindings"}
IDENTITIES = [(server, identity) for server in rights.FILES for identity in rights.identities(server)]


def documents(site: Site, identity: str) -> list[dict[str, Any]]:
    """Return the Kubernetes objects of an identity's rights."""
    return list(yaml.safe_load_all(rights.text(site, "kubernetes", identity)))


def rules(site: Site, identity: str, namespace: str | None = None) -> list[dict[str, Any]]:
    """Return the rules of an identity in a namespace, or of the cluster."""
    found = [
        entry
        for entry in documents(site, identity)
        if "rules" in entry and entry["metadata"].get("namespace") == namespace
    ]
    return [rule for entry in found for rule in entry["rules"]]


def granted(found: list[dict[str, Any]], group: str, plural: str) -> set[str]:
    """Return the verbs that rules without names, or with, give on a kind."""
    return {
        verb
        for rule in found
        if group in rule["apiGroups"] and plural in rule["resources"]
        for verb in rule["verbs"]
    }


def each_rule(site: Site, identity: str) -> Iterator[dict[str, Any]]:
    for entry in documents(site, identity):
        yield from entry.get("rules", ())


@pytest.mark.parametrize(("server", "identity"), IDENTITIES)
def test_every_word_in_a_file_is_one_of_the_sites(
    composition: Composition, server: str, identity: str
) -> None:
    text = rights.text(composition.site, server, identity)
    assert "${" not in text
    if server == "keycloak":
        assert json.loads(text)["client"]["publicClient"] is False


def test_each_kind_that_a_site_makes_may_be_made_where_it_is_made(composition: Composition) -> None:
    site = composition.site
    for api in needed_apis(site):
        place = None if api.plural in CLUSTER_WIDE else api.namespace or site.namespace
        verbs = granted(rules(site, "deployer", place), api.group, api.plural)
        assert verbs >= WRITES | LOOKS, f"{api.plural} in {place}: {verbs}"


def test_no_kind_may_be_written_that_no_site_makes() -> None:
    sites = [load_site(STACKS, name) for name in site_names(STACKS)]
    needed = {api.plural for site in sites for api in needed_apis(site)}
    # Given, so that it can be given on: cert-manager asks for the tokens of the issuer's account.
    needed.add("serviceaccounts/token")
    written = {
        resource
        for rule in each_rule(sites[0], "deployer")
        if WRITES & set(rule["verbs"])
        for resource in rule["resources"]
    }
    assert written <= needed


def test_a_deployer_has_itself_what_its_roles_give_on(composition: Composition) -> None:
    """Kubernetes lets nobody give what they have not, unless they may `escalate`: and this one may not."""
    site = composition.site
    own = rules(site, "deployer", site.namespace)
    roles = [made for made in composition.manifests if made.kind == "Role"]
    assert roles
    for made in roles:
        for rule in made.inputs["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    held = [
                        entry
                        for entry in own
                        if group in entry["apiGroups"]
                        and resource in entry["resources"]
                        and set(entry.get("resourceNames", rule.get("resourceNames", ())))
                        >= set(rule.get("resourceNames", ()))
                        and (rule.get("resourceNames") or not entry.get("resourceNames"))
                    ]
                    verbs = {verb for entry in held for verb in entry["verbs"]}
                    assert verbs >= set(rule["verbs"]), f"{made.name}: {resource}"


def test_nothing_is_given_by_a_star_and_no_verb_climbs(composition: Composition) -> None:
    for identity in rights.identities("kubernetes"):
        for rule in each_rule(composition.site, identity):
            words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "*" not in words
            assert not {"escalate", "impersonate", "approve", "sign"} & set(rule["verbs"])
            if "bind" in rule["verbs"]:
                assert (rule["resources"], rule["resourceNames"]) == (
                    ["clusterroles"],
                    ["system:auth-delegator"],
                )


def test_a_binding_is_to_a_group_of_this_site_alone(composition: Composition) -> None:
    site = composition.site
    groups = {"deployer": f"iot-{site.name}-deployers", "review": f"iot-{site.name}-reviewers"}
    for identity, group in groups.items():
        for entry in documents(site, identity):
            for subject in entry.get("subjects", ()):
                assert (subject["kind"], subject["name"]) == ("Group", group)


def test_secrets_of_other_namespaces_are_read_by_name_alone(composition: Composition) -> None:
    site = composition.site
    found = [
        rule
        for rule in rules(site, "deployer", site.streams.cluster.namespace)
        if "secrets" in rule["resources"]
    ]
    assert [(rule["resourceNames"], rule["verbs"]) for rule in found] == [([f"{site.name}-broker"], ["get"])]
    assert not [rule for rule in rules(site, "deployer") if "secrets" in rule["resources"]]


def test_a_reviewer_looks_and_reads_the_secrets_that_the_stack_writes(composition: Composition) -> None:
    site = composition.site
    for rule in each_rule(site, "review"):
        assert set(rule["verbs"]) <= LOOKS
    found = [rule for rule in rules(site, "review", site.namespace) if "secrets" in rule["resources"]]
    written = {made.metadata["name"] for made in composition.of("Secret")}
    assert [set(rule["resourceNames"]) for rule in found] == [written]


def test_in_keycloak_neither_signs_in_as_another_or_has_realm_master(composition: Composition) -> None:
    found = {
        identity: json.loads(rights.text(composition.site, "keycloak", identity))
        for identity in rights.identities("keycloak")
    }
    assert found["deployer"]["roles"]["master"] == ["create-realm"]
    assert found["review"]["roles"]["master"] == []
    realm = f"{composition.site.name}-realm"
    assert not {"impersonation", "manage-identity-providers", "realm-admin"} & set(
        found["deployer"]["roles"][realm]
    )
    assert [
        role for role in found["review"]["roles"][realm] if not role.startswith(("view-", "query-"))
    ] == []
    for document in found.values():
        client = document["client"]
        assert client["serviceAccountsEnabled"] is True
        assert not client["standardFlowEnabled"]
        assert not client["directAccessGrantsEnabled"]


def test_sitectl_prints_a_file_with_the_sites_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    command = ["rights", "eagle-ford", "kubernetes", "deployer"]
    assert sitectl(command) == 0
    assert "name: iot-eagle-ford-deployers" in capsys.readouterr().out
    command[-1] = "nobody"
    assert sitectl(command) == 1
    assert "name one of deployer, review" in capsys.readouterr().err


def test_a_role_is_there_before_it_is_bound(composition: Composition) -> None:
    """The API server looks up the role of a binding that is made by an account without every right."""
    roles = {made.metadata["name"]: made.urn for made in composition.manifests if made.kind == "Role"}
    bindings = [
        (binding, roles[binding.inputs["roleRef"]["name"]])
        for binding in composition.of("RoleBinding")
        if binding.inputs["roleRef"]["kind"] == "Role"
    ]
    assert {role for _, role in bindings} == set(roles.values()) != set()
    assert [binding.name for binding, role in bindings if role not in binding.depends_on] == []
