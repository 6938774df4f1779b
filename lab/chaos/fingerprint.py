"""Says what of a site is on every server, without what each deployment makes anew: ids, keys, times, addresses."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from components.recording import compose
from components.vault_names import issuing_mount, root_mount
from lab.servers.http import Client
from model import Site

Fingerprint = dict[str, Any]
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?", re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PASSING_METADATA = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences"}
)
# What the API server and its controllers choose.
_CHOSEN = frozenset(
    {
        "clusterIP",
        "clusterIPs",
        "nodePort",
        "healthCheckNodePort",
        "selector.batch",
        "status",
        "controller-uid",
    }
    | {"batch.kubernetes.io/controller-uid", "deployment.kubernetes.io/revision", "secrets"}
)
_KEYCLOAKS_OWN = frozenset(
    {"id", "containerId", "parentId", "secret", "components", "keycloakVersion"}
    | {"createdTimestamp", "client.secret.creation.time"}
)
# Clients' offline sessions of 0 end with the realm's, as those of which nothing is said.
_BY_KEYCLOAK = (("clientOfflineSessionIdleTimeout", "0"), ("clientOfflineSessionMaxLifespan", "0"))


def fingerprint(site: Site, environment: Mapping[str, str], kafka: AdminClient) -> Fingerprint:
    """Return what of a site is there, by server; `environment` is that of the servers' administrators."""
    return {
        "kubernetes": _kubernetes(site, environment),
        "vault": _vault(site, environment),
        "keycloak": _keycloak(site, environment),
        "kafka": _kafka(site, kafka),
    }


def differences(before: Any, after: Any, place: str = "") -> list[str]:
    """Return where two fingerprints differ, a line each."""
    if isinstance(before, dict) and isinstance(after, dict):
        lines = []
        for key in sorted(before.keys() | after.keys()):
            if key not in after:
                lines.append(f"{place}/{key}: missing")
            elif key not in before:
                lines.append(f"{place}/{key}: too much")
            else:
                lines += differences(before[key], after[key], f"{place}/{key}")
        return lines
    if before == after:
        return []
    return [f"{place}: {json.dumps(before)[:300]} became {json.dumps(after)[:300]}"]


def stated_in_keycloak(value: Any) -> Any:
    """Leave out what Keycloak says, or does not, by how something was last written, and which changes nothing.

    A mapper of groups always gives several values, and Keycloak says so when it makes one, not when it is written
    again; another kind of mapper may be switched.
    """
    if isinstance(value, dict):
        kept = {
            name: stated_in_keycloak(inner)
            for name, inner in value.items()
            if (name, inner) not in _BY_KEYCLOAK
        }
        if (
            value.get("protocolMapper") == "oidc-group-membership-mapper"
            and kept["config"].get("multivalued") == "true"
        ):
            del kept["config"]["multivalued"]
        return kept
    return [stated_in_keycloak(inner) for inner in value] if isinstance(value, list) else value


def _kubernetes(site: Site, environment: Mapping[str, str]) -> Fingerprint:
    kinds = sorted({_plural(made.inputs) for made in compose(site).manifests})
    command = (
        "kubectl",
        "get",
        ",".join(kinds),
        "--all-namespaces",
        f"--selector=iot-broker/site={site.name}",
    )
    done = subprocess.run(
        (*command, "--output=json"),
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = {}
    for item in json.loads(done.stdout)["items"]:
        metadata = item["metadata"]
        if metadata.get("ownerReferences"):
            continue
        found[f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"] = _object(item)
    return found


def _plural(inputs: Mapping[str, Any]) -> str:
    group, _, version = str(inputs["apiVersion"]).rpartition("/")
    return f"{inputs['kind']}.{version}.{group}" if group else str(inputs["kind"])


def _object(item: Mapping[str, Any]) -> Any:
    metadata = {key: value for key, value in item["metadata"].items() if key not in _PASSING_METADATA}
    plain = {**item, "metadata": metadata}
    if item["kind"] == "Secret":
        plain["data"] = sorted(item.get("data") or ())
    if item["kind"] == "Job":
        plain["spec"] = {key: value for key, value in item["spec"].items() if key != "selector"}
    return _plain(plain, _CHOSEN)


def _plain(value: Any, without: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner, without) for key, inner in sorted(value.items()) if key not in without}
    if isinstance(value, list):
        return [_plain(inner, without) for inner in value]
    return _UUID.sub("(id)", _PEM.sub("(PEM)", value)) if isinstance(value, str) else value


def _vault(site: Site, environment: Mapping[str, str]) -> Fingerprint:
    client = Client(
        environment["VAULT_ADDR"],
        Path(environment["VAULT_CACERT"]),
        headers={"X-Vault-Token": environment["VAULT_TOKEN"]},
    )

    def read(path: str) -> Any:
        answer = client.ask("GET", f"/v1/{path}")
        return answer.json()["data"] if answer.status == 200 else None

    mounts = read("sys/mounts")
    found: Fingerprint = {}
    for mount in (root_mount(site), issuing_mount(site)):
        engine = mounts.get(f"{mount}/") or {}
        found[mount] = {key: engine.get(key) for key in ("type", "description", "config")}
        for name in ("config/urls", "config/crl"):
            found[f"{mount}/{name}"] = _plain(read(f"{mount}/{name}"), frozenset())
        issuers = [
            read(f"{mount}/issuer/{key}")
            for key in (read(f"{mount}/issuers?list=true") or {}).get("keys", [])
        ]
        default = (read(f"{mount}/config/issuers") or {}).get("default")
        found[f"{mount}/issuers"] = sorted(
            f"{issuer['issuer_name']} default={issuer['issuer_id'] == default}" for issuer in issuers
        )
        keys = (read(f"{mount}/keys?list=true") or {}).get("key_info", {})
        found[f"{mount}/keys"] = sorted(info["key_name"] for info in keys.values())
        for role in (read(f"{mount}/roles?list=true") or {}).get("keys", []):
            found[f"{mount}/roles/{role}"] = read(f"{mount}/roles/{role}")
    for policy in read("sys/policies/acl?list=true")["keys"]:
        if policy.startswith(f"iot-{site.name}-"):
            found[f"policy {policy}"] = read(f"sys/policies/acl/{policy}")["policy"]
    return found


def _keycloak(site: Site, environment: Mapping[str, str]) -> Any:
    authority = Path(environment["IOT_BROKER_CA_FILE"])
    form = {
        "grant_type": "password",
        "client_id": environment["KEYCLOAK_CLIENT_ID"],
        "username": environment["KEYCLOAK_USER"],
        "password": environment["KEYCLOAK_PASSWORD"],
    }
    realm = environment["KEYCLOAK_REALM"]
    token = Client(environment["KEYCLOAK_URL"], authority).must(
        "POST",
        f"/realms/{realm}/protocol/openid-connect/token",
        urlencode(form),
        "application/x-www-form-urlencoded",
    )["access_token"]
    signed_in = Client(environment["KEYCLOAK_URL"], authority, headers={"Authorization": f"Bearer {token}"})
    path = f"/admin/realms/{site.name}/partial-export?exportClients=true&exportGroupsAndRoles=true"
    answer = signed_in.ask("POST", path)
    if answer.status == 404:
        return {}
    document = _plain(stated_in_keycloak(answer.json()), _KEYCLOAKS_OWN)
    return _named(document)


def _named(value: Any) -> Any:
    """Return a realm with its lists as maps by name, or in an order of their own: Keycloak's is by chance."""
    if isinstance(value, dict):
        return {key: _named(inner) for key, inner in value.items()}
    if not isinstance(value, list):
        return value
    entries = [_named(entry) for entry in value]
    for key in ("clientId", "alias", "name"):
        names = [entry.get(key) for entry in entries if isinstance(entry, dict)]
        if names and len(set(names)) == len(entries) and None not in names:
            return dict(zip(cast("list[str]", names), entries, strict=True))
    return sorted(entries, key=lambda entry: json.dumps(entry, sort_keys=True))


def _kafka(site: Site, client: AdminClient) -> Fingerprint:
    prefix = f"{site.name}."
    found: Fingerprint = {}
    topics = {
        name: topic
        for name, topic in client.list_topics(timeout=15).topics.items()
        if name.startswith(prefix)
    }
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
    described = client.describe_configs(resources) if resources else {}
    settings = {resource.name: future.result(15) for resource, future in described.items()}
    for name, topic in topics.items():
        found[f"topic {name}"] = {
            "partitions": len(topic.partitions),
            "replicas": sorted({len(partition.replicas) for partition in topic.partitions.values()}),
            **{key: entry.value for key, entry in settings[name].items() if not entry.is_default},
        }
    anything: Any = None
    everything = AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        anything,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    found["rights"] = sorted(
        str(entry)
        for entry in client.describe_acls(everything).result(15)
        if f"User:{site.name}" in str(entry)
    )
    return found
