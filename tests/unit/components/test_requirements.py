"""What preflight asks the platform for is what the components make: no more, no less."""

from components.recording import Composition
from components.requirements import needed_apis
from sitectl.checks.vault import wanted_paths


def test_every_kind_that_is_made_is_asked_for(composition: Composition) -> None:
    made = {
        (entry.inputs["apiVersion"], entry.inputs["kind"])
        for entry in composition.resources
        if entry.type.startswith("kubernetes:")
    }
    assert {(api.api_version, api.kind) for api in needed_apis(composition.site)} == made


def test_kinds_in_kafkas_namespace_are_asked_for_there(composition: Composition) -> None:
    kafka = composition.site.streams.cluster.namespace
    brought = {"ExternalSecret"} if composition.site.platform.external_secrets else set()
    assert {api.kind for api in needed_apis(composition.site) if api.namespace == kafka} == {
        "KafkaTopic",
        "KafkaUser",
        *brought,
    }


def test_vault_paths_are_those_of_what_is_made(composition: Composition) -> None:
    wanted = set(wanted_paths(composition.site))
    made = {f"sys/mounts/{entry.inputs['path']}" for entry in composition.of("Mount")}
    made |= {
        f"{entry.inputs['backend']}/roles/{entry.inputs['name']}"
        for entry in composition.of("SecretBackendRole")
    }
    kept = ("sys/mounts/", "sys/policies/", "sys/auth/")
    assert {path for path in wanted if path.startswith(kept) or "/roles/" in path} == made
