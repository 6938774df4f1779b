"""Vault as a real site would run it: sealed at start, TLS, audited, and used by a deployer of few rights."""

import hashlib
import json
from pathlib import Path
from typing import Any

from lab import slots
from lab.files import write, write_if_changed
from lab.servers import vault_people
from lab.servers.base import Lab, Server
from lab.servers.http import Client
from lab.supervision import Launch
from lab.waiting import wait_until

PLUGIN = "vault-plugin-auth-kubernetes"
# In the lab one token deploys, reviews and promotes; a real site gives each pipeline step its own.
PROMOTER = "iot-promoter"
PROMOTER_POLICY = Path(__file__).parents[2] / "rights" / "vault" / "promoter.hcl"
REVIEWER = "iot-reviewer"
REVIEWER_POLICY = PROMOTER_POLICY.with_name("reviewer.hcl")
# What External Secrets reads with.
READER = "external-secrets"
READER_POLICY = f'path "{slots.MOUNT}/data/*" {{\n  capabilities = ["read"]\n}}\n'
STACKS = Path(__file__).parents[2] / "stacks"
SIGNING_KEYS = ("promotion", "review")
# Not `pki-…`: those belong to whoever deploys, who must not be able to sign.
SIGNING_PKI, SIGNING_ROLE = "signing", "promoter"
SIGNING_YEARS = "87600h"
# Renewed at each `up`; a lab that was down for longer gets a new token.
DEPLOYER_PERIOD = "768h"
AUDIT = "lab"
# Vault's answer to /v1/sys/health while it cannot serve: not initialised, sealed.
UNINITIALISED, SEALED = 501, 503
SERVING = 200
ACTIVE_SECONDS = 240.0


def deployer_token_file(lab: Lab) -> Path:
    """Return the file of the token that deploys sites."""
    return lab.state / "vault" / "deployer-token"


def administrator_token(lab: Lab) -> str:
    """Return the token of Vault's administrator, who runs each site's bootstrap."""
    keys: dict[str, str] = json.loads((lab.state / "vault" / "keys.json").read_text())
    return keys["root"]


def deployer_policies() -> list[str]:
    """Return the policies of the token that deploys: those that each site's bootstrap writes, and the promoter's."""
    sites = sorted(file.stem for file in (STACKS / "sites").glob("*.yaml"))
    return [*(f"iot-{site}-{role}" for site in sites for role in ("deployer", "review")), PROMOTER, REVIEWER]


def reader_token_file(lab: Lab) -> Path:
    """Return the file of the token with which External Secrets reads the sites' secrets."""
    return lab.state / "vault" / "reader-token"


class Vault(Server):
    """Vault with storage of its own (raft); its unseal key and root token stay in the state folder, mode 0600."""

    name = "vault"
    ports = ("vault", "vault-cluster")
    tools = ("vault",)

    def launch(self, lab: Lab) -> Launch:
        """Write Vault's configuration and start it; it comes up sealed."""
        folder = lab.folder("vault")
        pair = lab.authority.server("vault")
        configuration = {
            "storage": {
                "raft": {
                    "path": str(lab.folder("vault/data")),
                    "node_id": "lab",
                    "performance_multiplier": "1",
                }
            },
            "listener": {
                "tcp": {
                    "address": lab.endpoint("vault"),
                    "tls_cert_file": str(pair.certificate),
                    "tls_key_file": str(pair.key),
                    "tls_min_version": "tls12",
                }
            },
            "api_addr": lab.url("vault"),
            "cluster_addr": lab.url("vault-cluster"),
            "plugin_directory": str((lab.tools["vault"] / "plugins").resolve()),
            # Locking memory needs a right that no ordinary user has.
            "disable_mlock": True,
            "ui": False,
            "log_level": "warn",
        }
        file = write_if_changed(folder / "vault.json", json.dumps(configuration, indent=2) + "\n")
        command = (str(lab.tools["vault"] / "vault"), "server", f"-config={file}")
        return Launch(command, folder, {"GOGC": "50", "HOME": str(folder)}, files=(file,))

    def is_alive(self, lab: Lab) -> bool:
        """Say whether Vault answers at all, sealed or not."""
        return self._anonymous(lab).answers("/v1/sys/health", frozenset({SERVING, UNINITIALISED, SEALED}))

    def is_ready(self, lab: Lab) -> bool:
        """Say whether Vault is initialised, unsealed and active."""
        return self._anonymous(lab).answers("/v1/sys/health") and deployer_token_file(lab).exists()

    def settle(self, lab: Lab) -> None:
        """Initialise and unseal Vault, and give it its audit device, its login plugin and its deployer."""
        keys = self._initialised(lab)
        health = self._anonymous(lab).ask("GET", "/v1/sys/health")
        if health.status == SEALED:
            self._anonymous(lab).must("PUT", "/v1/sys/unseal", {"key": keys["unseal"]})
        # An unsealed Vault elects itself first.
        wait_until(lambda: self._anonymous(lab).answers("/v1/sys/health"), ACTIVE_SECONDS, "Vault's election")
        root = self._client(lab, keys["root"])
        self._audit(root, lab)
        self._register_plugin(root, lab)
        self._signing(root)
        vault_people.settle(root, lab, SIGNING_PKI, SIGNING_ROLE)
        self._secrets(root, lab)
        self._state_keys(root)
        self._deployer(root, lab)

    def version(self, lab: Lab) -> str:
        """Return Vault's own version."""
        return str(self._anonymous(lab).ask("GET", "/v1/sys/health").json()["version"])

    def _initialised(self, lab: Lab) -> dict[str, str]:
        """Return the unseal key and the root token, of a Vault that is initialised now if it was not before."""
        file = lab.folder("vault") / "keys.json"
        client = self._anonymous(lab)
        if not client.must("GET", "/v1/sys/init")["initialized"]:
            made = client.must("PUT", "/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1})
            write(file, json.dumps({"unseal": made["keys_base64"][0], "root": made["root_token"]}))
        keys: dict[str, str] = json.loads(file.read_text())
        return keys

    def _audit(self, root: Client, lab: Lab) -> None:
        if f"{AUDIT}/" in root.must("GET", "/v1/sys/audit")["data"]:
            return
        log = lab.folder("logs") / "vault-audit.log"
        device = {"type": "file", "options": {"file_path": str(log), "mode": "0600"}}
        root.must("PUT", f"/v1/sys/audit/{AUDIT}", device)

    def _register_plugin(self, root: Client, lab: Lab) -> None:
        binary = lab.tools["vault"] / "plugins" / PLUGIN
        digest = hashlib.sha256(binary.read_bytes()).hexdigest()
        known = root.ask("GET", "/v1/sys/plugins/catalog/auth/kubernetes")
        if known.status == SERVING and known.json()["data"].get("sha256") == digest:
            return
        root.must("PUT", "/v1/sys/plugins/catalog/auth/kubernetes", {"sha256": digest, "command": PLUGIN})

    def _signing(self, root: Client) -> None:
        """Make what signs promotions, which no stack manages: a transit keys, and a CA for keyless signing."""
        mounts = root.must("GET", "/v1/sys/mounts")["data"]
        if "transit/" not in mounts:
            root.must("POST", "/v1/sys/mounts/transit", {"type": "transit"})
        for key in SIGNING_KEYS:
            if root.ask("GET", f"/v1/transit/keys/{key}").status != SERVING:
                root.must("POST", f"/v1/transit/keys/{key}", {"type": "ed25519"})
        if f"{SIGNING_PKI}/" not in mounts:
            root.must(
                "POST",
                f"/v1/sys/mounts/{SIGNING_PKI}",
                {"type": "pki", "config": {"max_lease_ttl": SIGNING_YEARS}},
            )
            authority = {
                "common_name": "Signatures of changes of phase",
                "key_type": "ec",
                "ttl": SIGNING_YEARS,
            }
            root.must("POST", f"/v1/{SIGNING_PKI}/root/generate/internal", authority)

    def _state_keys(self, root: Client) -> None:
        """Make the key of each site's secrets in Pulumi's state, as docs/real-site.md has it made."""
        for file in sorted((STACKS / "sites").glob("*.yaml")):
            key = f"/v1/transit/keys/iot-broker-{file.stem}"
            if root.ask("GET", key).status != SERVING:
                root.must("POST", key, {})

    def _secrets(self, root: Client, lab: Lab) -> None:
        """Make the engine that all sites share, fill their slots, and let External Secrets read them."""
        if f"{slots.MOUNT}/" not in root.must("GET", "/v1/sys/mounts")["data"]:
            root.must("POST", f"/v1/sys/mounts/{slots.MOUNT}", {"type": "kv", "options": {"version": "2"}})
        # A new engine is made ready beside the answer.
        wait_until(
            lambda: root.answers(f"/v1/{slots.MOUNT}/config"), ACTIVE_SECONDS, "Vault's key-value engine"
        )
        authority = lab.authority.certificate.read_text()
        for site, wanted in slots.sites_with_slots(STACKS).items():
            slots.fill(root, site, wanted, authority)
        root.must("PUT", f"/v1/sys/policies/acl/{READER}", {"policy": READER_POLICY})
        file = reader_token_file(lab)
        if file.exists() and self._client(lab, file.read_text()).answers("/v1/auth/token/lookup-self"):
            return
        wanted_token = {"policies": [READER], "period": DEPLOYER_PERIOD, "no_parent": True}
        made: dict[str, Any] = root.must("POST", "/v1/auth/token/create", wanted_token)
        write(file, made["auth"]["client_token"])

    def _deployer(self, root: Client, lab: Lab) -> None:
        """Make the token that deploys; the policies that it names come with each site's bootstrap."""
        root.must("PUT", f"/v1/sys/policies/acl/{PROMOTER}", {"policy": PROMOTER_POLICY.read_text()})
        root.must("PUT", f"/v1/sys/policies/acl/{REVIEWER}", {"policy": REVIEWER_POLICY.read_text()})
        policies = deployer_policies()
        file = deployer_token_file(lab)
        if file.exists():
            found = root.ask("POST", "/v1/auth/token/lookup", {"token": file.read_text()})
            if found.status == SERVING and set(policies) <= set(found.json()["data"]["policies"]):
                root.must("POST", "/v1/auth/token/renew", {"token": file.read_text()})
                return
        wanted = {
            "policies": policies,
            "period": DEPLOYER_PERIOD,
            "no_parent": True,
            "display_name": "deployer",
        }
        made: dict[str, Any] = root.must("POST", "/v1/auth/token/create", wanted)
        write(file, made["auth"]["client_token"])

    def _anonymous(self, lab: Lab) -> Client:
        return Client(lab.url("vault"), lab.authority.certificate)

    def _client(self, lab: Lab, token: str) -> Client:
        return Client(lab.url("vault"), lab.authority.certificate, headers={"X-Vault-Token": token})
