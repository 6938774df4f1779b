"""Gives the lab's deployer and reviewer the rights that the kit's files name, as the servers' administrators would."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.servers.base import Lab
from model import Site, SiteErrors, load_site, site_names

IDENTITIES = ("deployer", "review")
NOT_FOUND = 404
# Kubernetes' own word for who applies by hand.
MANAGER = "administrator"
_KEYCLOAKS_OWN = "default-roles-"


def grant_all(lab: Lab, root: Path) -> None:
    """Give every site's identities their rights, as far as what they are rights to is there yet."""
    from lab.servers import kubernetes

    names = site_names(root / "stacks")
    kubernetes.write_deployer(lab, names)
    for name in names:
        # What is wrong with a site's data, `sitectl validate` says.
        with contextlib.suppress(SiteErrors):
            grant(lab, load_site(root / "stacks", name))


def grant(lab: Lab, site: Site) -> None:
    """Give a site's identities exactly what their files say; safe to repeat.

    A namespace or a realm that is not made yet is passed over: once the deployer has made it, this is done again.
    """
    from components import rights

    for identity in IDENTITIES:
        in_kubernetes(lab, rights.text(site, "kubernetes", identity))
        in_keycloak(lab, json.loads(rights.text(site, "keycloak", identity)))


def in_kubernetes(lab: Lab, manifests: str) -> None:
    """Apply Roles and bindings, but for those whose namespace is not there."""
    from lab.servers import kubernetes
    from lab.servers.http import OK, RefusedError

    client = kubernetes.administrator(lab)
    for document in yaml.safe_load_all(manifests):
        path = f"{_path(document)}?fieldManager={MANAGER}&force=true"
        answer = client.ask("PATCH", path, document, "application/apply-patch+yaml")
        if answer.status not in OK and answer.status != NOT_FOUND:
            raise RefusedError(f"PATCH {path}", answer.status, answer.body.decode(errors="replace")[:500])


def _path(document: Mapping[str, Any]) -> str:
    metadata = document["metadata"]
    place = f"namespaces/{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"/apis/{document['apiVersion']}/{place}{document['kind'].lower()}s/{metadata['name']}"


def in_keycloak(lab: Lab, wanted: Mapping[str, Any]) -> None:
    """Make a client of realm `master` where there is none, and let its account have the roles that are listed alone."""
    from lab.files import write
    from lab.servers import keycloak

    admin = keycloak.administrator(lab)
    clients = "/admin/realms/master/clients"
    client_id = wanted["client"]["clientId"]
    if not (found := admin.must("GET", f"{clients}?clientId={client_id}")):
        admin.must("POST", clients, wanted["client"])
        found = admin.must("GET", f"{clients}?clientId={client_id}")
    client = f"{clients}/{found[0]['id']}"
    file = keycloak.secret_file(lab, client_id)
    secret = admin.must("GET", f"{client}/client-secret")["value"]
    if not file.exists() or file.read_text() != secret:
        write(file, secret)
    account = admin.must("GET", f"{client}/service-account-user")["id"]
    mappings = f"/admin/realms/master/users/{account}/role-mappings"
    for container, names in wanted["roles"].items():
        if container == "master":
            _set_roles(admin, f"{mappings}/realm", "/admin/realms/master/roles", names)
        elif realms := admin.must("GET", f"{clients}?clientId={container}"):
            place = f"clients/{realms[0]['id']}"
            _set_roles(admin, f"{mappings}/{place}", f"/admin/realms/master/{place}/roles", names)


def _set_roles(admin: Any, mapping: str, roles: str, names: list[str]) -> None:
    """Let an account have the roles of these names, and no others of this container."""
    has = {role["name"]: role for role in admin.must("GET", mapping)}
    there = {role["name"]: role for role in admin.must("GET", roles)}
    lacking = [there[name] for name in names if name not in has]
    extra = [role for name, role in has.items() if name not in names and not name.startswith(_KEYCLOAKS_OWN)]
    if lacking:
        admin.must("POST", mapping, lacking)
    if extra:
        admin.must("DELETE", mapping, extra)
