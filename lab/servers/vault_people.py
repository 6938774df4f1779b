"""People who sign in Vault as themselves: each has a password in the lab, and certificates of minutes for a name."""

import json
import secrets
from pathlib import Path

import yaml

from lab.files import write
from lab.servers.base import Lab
from lab.servers.http import Client

MOUNT = "people"
"""Where people sign in; a real site has its OpenID Connect login here."""
DOMAIN = "field.example"
POLICY = "iot-approver"
POLICY_FILE = Path(__file__).parents[2] / "rights" / "vault" / "approver.hcl"
APPROVERS = Path(__file__).parents[2] / "stacks" / "promotions" / "approvers.yaml"
# Whoever makes changes, and approves none.
ENGINEER = "site-engineer"
LONGEST_LOGIN = "1h"


def passwords_file(lab: Lab) -> Path:
    """Return the file of the people's passwords, by their name."""
    return lab.state / "vault" / "people.json"


def settle(root: Client, lab: Lab, pki: str, role: str) -> None:
    """Let the sample's approvers, and an engineer, sign in; the PKI role certifies the name of the login alone."""
    if f"{MOUNT}/" not in root.must("GET", "/v1/sys/auth")["data"]:
        root.must("POST", f"/v1/sys/auth/{MOUNT}", {"type": "userpass"})
    accessor = root.must("GET", "/v1/sys/auth")["data"][f"{MOUNT}/"]["accessor"]
    root.must("PUT", f"/v1/sys/policies/acl/{POLICY}", {"policy": POLICY_FILE.read_text()})
    root.must("POST", f"/v1/{pki}/roles/{role}", _role(accessor))
    file = passwords_file(lab)
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    approvers = yaml.safe_load(APPROVERS.read_text(encoding="utf-8"))["approvers"]
    names = [ENGINEER, *(person["name"] for person in approvers)]
    passwords = {name: known.get(name) or secrets.token_urlsafe(24) for name in names}
    for name, password in passwords.items():
        body = {"password": password, "token_policies": [POLICY], "token_max_ttl": LONGEST_LOGIN}
        root.must("POST", f"/v1/auth/{MOUNT}/users/{name}", body)
    if passwords != known:
        write(file, json.dumps(passwords))


def _role(accessor: str) -> dict[str, object]:
    return {
        "allowed_domains": [f"{{{{identity.entity.aliases.{accessor}.name}}}}@{DOMAIN}"],
        "allowed_domains_template": True,
        "allow_bare_domains": True,
        "allow_any_name": False,
        "allow_ip_sans": False,
        "allow_localhost": False,
        "enforce_hostnames": False,
        # A request's own other names would be certified beside the one that was asked for.
        "use_csr_sans": False,
        "key_type": "any",
        "server_flag": False,
        "client_flag": True,
        "max_ttl": "10m",
    }
