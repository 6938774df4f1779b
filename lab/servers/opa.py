"""The policy server: anybody may ask for a decision, only the lab's operators may change policy and data."""

import hashlib
from pathlib import Path

from lab.files import secret, write_if_changed
from lab.servers.base import Lab, Server, listing
from lab.servers.http import Client
from lab.supervision import Launch

DECISIONS = ("mqtt", "login")
"""What a broker asks about: packages of the site's policy under `iot`."""


def token_file(lab: Lab) -> Path:
    """Return the file of the bearer token that may write policy and data."""
    return lab.state / "opa" / "token"


class Opa(Server):
    """Open Policy Agent behind TLS; what it holds is in memory, and pushed again after a restart."""

    name = "opa"
    ports = ("opa",)
    tools = ("opa",)

    def launch(self, lab: Lab) -> Launch:
        """Start it with an authorization policy that knows the token by its hash alone."""
        folder = lab.folder("opa")
        token = secret(token_file(lab), 32)
        rules = write_if_changed(folder / "authorization.rego", _authorization(token))
        pair = lab.authority.server("opa")
        command = listing(
            str(lab.tools["opa"] / "opa"),
            "run",
            str(rules),
            "--server",
            addr=lab.endpoint("opa"),
            tls_cert_file=pair.certificate,
            tls_private_key_file=pair.key,
            authentication="token",
            authorization="basic",
            skip_version_check=True,
            log_level="error",
        )
        return Launch(command, folder, {"GOGC": "50"}, files=(rules,))

    def is_ready(self, lab: Lab) -> bool:
        """Ask OPA's own health page."""
        return self._client(lab).answers("/health")

    def version(self, lab: Lab) -> str:
        """Return OPA's own version."""
        query = {"query": "x := opa.runtime().version"}
        return str(self._client(lab).must("POST", "/v1/query", query)["result"][0]["x"])

    def _client(self, lab: Lab) -> Client:
        headers = (
            {"Authorization": f"Bearer {token_file(lab).read_text()}"} if token_file(lab).exists() else {}
        )
        return Client(lab.url("opa"), lab.authority.certificate, headers=headers)


def _authorization(token: str) -> str:
    paths = ", ".join(f'["v0", "data", "iot", "{package}", "decision"]' for package in DECISIONS)
    return f"""package system.authz

default allow := false

# Who can prove to be one of the lab's operators may do everything.
allow if crypto.sha256(input.identity) == "{hashlib.sha256(token.encode()).hexdigest()}"

allow if {{
	input.method == "GET"
	input.path == ["health"]
}}

# A broker asks whether a client may do what it wants to do, and about its token before it is looked at.
allow if {{
	input.method == "POST"
	input.path in [{paths}]
}}
"""
