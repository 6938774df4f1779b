"""What the deployer and the reviewer may not do in Keycloak: each known way to more rights is tried and refused.

The administrator tries the same, and Keycloak takes it, or says what is wrong with it: a refusal is about rights.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.certificates import Authority
from lab.estate import Estate
from model import Site
from tests.support import servers
from tests.support.shell import Shell, steps

FORBIDDEN = 403
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Try:
    """One request below /admin/realms that would be a way to more rights; `undo` takes it back."""

    what: str
    method: str
    path: str
    body: Any = None
    undo: str | None = None


TRIES = (
    Try("changes realm master", "PUT", "/master", {"displayName": "Keycloak"}),
    Try("reads realm master's people", "GET", "/master/users"),
    Try("makes an administrator", "POST", "/master/users", {"username": "escalated"}, "user"),
    Try("reads realm master's clients", "GET", "/master/clients"),
    Try("makes a client of realm master", "POST", "/master/clients", {"clientId": "escalated"}, "client"),
    Try(
        "makes a role of realm master",
        "POST",
        "/master/roles",
        {"name": "escalated"},
        "/master/roles/escalated",
    ),
    Try("gives itself realm master", "POST", "/master/users/{self}/role-mappings/realm", "admin", "mapping"),
    Try("reads another realm's roles", "GET", "/another-realm/roles"),
    Try("changes another realm", "PUT", "/another-realm", {"displayName": "Another"}),
    Try("makes a person of another realm", "POST", "/another-realm/users", {"username": "escalated"}, "user"),
    Try("reads another realm's keys", "GET", "/another-realm/keys"),
    Try("signs in as a person of the site", "POST", "/{site}/users/{person}/impersonation", {}),
    Try(
        "brings in people from elsewhere",
        "POST",
        "/{site}/identity-provider/instances",
        {
            "alias": "escalated",
            "providerId": "oidc",
            "config": {
                "clientId": "x",
                "clientSecret": "x",
                "authorizationUrl": "https://elsewhere.example",
                "tokenUrl": "https://elsewhere.example",
            },
        },
        "/{site}/identity-provider/instances/escalated",
    ),
)


@pytest.fixture(scope="module")
def administrator(deployed: Shell) -> servers.Client:
    """Who may do everything in Keycloak."""
    return servers.keycloak(deployed)


@pytest.fixture(scope="module")
def places(administrator: servers.Client, site: Site) -> Iterator[dict[str, str]]:
    """A realm of somebody else's, a person of the site, and what the deployer's account is called."""
    assert administrator.ask("POST", "", {"realm": "another-realm", "enabled": True}).status == 201
    person = administrator.ask("POST", f"/{site.name}/users", {"username": "somebody", "enabled": True})
    assert person.status == 201
    client = administrator.get("/master/clients?clientId=iot-deployer")[0]["id"]
    yield {
        "site": site.name,
        "person": person.headers["Location"].rpartition("/")[2],
        "self": administrator.get(f"/master/clients/{client}/service-account-user")["id"],
    }
    administrator.ask("DELETE", "/another-realm")
    administrator.ask("DELETE", f"/{site.name}/users/{person.headers['Location'].rpartition('/')[2]}")


def signed_in(shell: Shell, client: str, secret: str) -> servers.Client:
    """Return a client of Keycloak's administration with a new token of a service account."""
    plain = servers.Client(shell.environment["KEYCLOAK_URL"], str(shell.authority))
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    reply = plain.ask("POST", "/realms/master/protocol/openid-connect/token", form=form)
    assert reply.status == 200, reply.text
    bearer = {"Authorization": f"Bearer {reply.json['access_token']}"}
    return servers.Client(shell.environment["KEYCLOAK_URL"] + "/admin/realms", str(shell.authority), bearer)


def reviewers_secret(estate: Estate) -> str:
    """Return the secret of the reviewers' client."""
    return (estate.state / "keycloak" / "iot-review-secret").read_text()


@pytest.mark.parametrize("attempt", TRIES, ids=lambda entry: entry.what)
def test_a_way_to_more_rights_is_refused(
    deployed: Shell, estate: Estate, administrator: servers.Client, places: dict[str, str], attempt: Try
) -> None:
    path, body = attempt.path.format(**places), attempt.body
    if body == "admin":
        body = [administrator.get("/master/roles/admin")]
    deployer = signed_in(deployed, "iot-deployer", deployed.environment["KEYCLOAK_CLIENT_SECRET"])
    reviewer = signed_in(deployed, "iot-review", reviewers_secret(estate))
    for client in (deployer, reviewer):
        reply = client.ask(attempt.method, path, body)
        assert reply.status == FORBIDDEN, f"{reply.status} {reply.text}"
    # The control, taken back at once.
    reply = administrator.ask(attempt.method, path, body)
    assert reply.status in (200, 201, 204), f"{reply.status} {reply.text}"
    if attempt.undo == "mapping":
        assert administrator.ask("DELETE", path, body).status == 204
    elif attempt.undo in ("user", "client"):
        kind = f"{attempt.undo}s/"
        made = reply.headers["Location"].rpartition(kind)[2]
        assert administrator.ask("DELETE", f"{path.rpartition('/')[0]}/{kind}{made}").status == 204
    elif attempt.undo:
        assert administrator.ask("DELETE", attempt.undo.format(**places)).status == 204


def test_a_reviewer_may_make_no_realm_and_change_none(deployed: Shell, estate: Estate, site: Site) -> None:
    reviewer = signed_in(deployed, "iot-review", reviewers_secret(estate))
    assert reviewer.ask("GET", f"/{site.name}").status == 200
    assert reviewer.ask("PUT", f"/{site.name}", {"displayName": "x"}).status == FORBIDDEN
    assert reviewer.ask("POST", "", {"realm": "a-realm-of-mine"}).status == FORBIDDEN
    assert reviewer.ask("DELETE", f"/{site.name}").status == FORBIDDEN


def test_a_reviewer_sees_what_a_change_would_do_at_all_three_servers(
    deployed: Shell, estate: Estate, site: Site, stacks: Path, tmp_path: Path
) -> None:
    """Read-only at Vault, in the cluster and in Keycloak is enough for a review, and for a look for drift."""
    root = servers.vault(deployed)
    made = root.ask(
        "POST",
        "/auth/token/create",
        {"policies": [f"iot-{site.name}-review"], "ttl": "30m", "no_parent": True},
    )
    pair = Authority(estate.state / "tls", "the lab's").client(
        "a-reviewer", "a-reviewer", f"iot-{site.name}-reviewers"
    )
    config = yaml.safe_load(Path(deployed.environment["KUBECONFIG"]).read_text())
    config["users"][0]["user"] = {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    variables = {
        "VAULT_TOKEN": made.json["auth"]["client_token"],
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        "KEYCLOAK_CLIENT_ID": "iot-review",
        "KEYCLOAK_CLIENT_SECRET": reviewers_secret(estate),
    }
    # What earlier tests took away behind the kit's back is put right, with the deployer's rights.
    deployed.pulumi("refresh", "--yes", "--skip-preview", "--stack", site.name)
    deployed.up(site.name)
    preview = ("pulumi", "preview", "--json", "--non-interactive", "--stack", site.name)
    drift = deployed.run(*preview, "--refresh", variables=variables)
    assert steps(json.loads(drift.out)) == []
    assert (
        steps(json.loads(deployed.run(*preview, "--refresh", "--cwd", "bootstrap", variables=variables).out))
        == []
    )
    file = stacks / "sites" / f"{site.name}.yaml"
    text = file.read_text()
    file.write_text(text.replace("broker:\n", f"broker:\n  replicas: {site.broker.replicas + 2}\n", 1))
    try:
        changed = steps(json.loads(deployed.run(*preview, variables=variables).out))
        assert "EMQX" in {step.type_token.rpartition(":")[2] for step in changed}
        refused = deployed.run(
            *("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", site.name),
            check=False,
            variables=variables,
        )
        assert refused.code != 0
        assert "forbidden" in refused.text.lower()
    finally:
        file.write_text(text)
    deployed.up(site.name)
    assert deployed.preview(site.name) == []
