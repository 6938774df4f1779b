"""The platform's operators as the lab stands in for them, in one process: `python -m lab.operators`."""

import importlib.util
import json
import sys
from pathlib import Path

from lab.files import write_if_changed
from lab.servers.base import Lab, Server
from lab.servers.kafka import BROKERS, SUPER_USER, bootstrap, password_file
from lab.servers.kubernetes import CONTEXT, kubeconfig
from lab.servers.opa import token_file
from lab.servers.prometheus import USER, rules_folder, stories_folder
from lab.servers.prometheus import password_file as prometheus_password_file
from lab.servers.vault import reader_token_file
from lab.supervision import Launch


def is_present() -> bool:
    """Say whether the operators' program is part of this kit."""
    return importlib.util.find_spec("lab.operators.__main__") is not None


class Operators(Server):
    """Kafka's, EMQX's, OPA's and Prometheus' operators, and External Secrets.

    Where everything is stands in `operators/settings.json`.
    """

    name = "operators"
    needs = ("kube-apiserver", "opa", "prometheus", "vault", *BROKERS)
    tools = ("promtool",)
    ports = ("stories",)
    # What OPA held is gone with its process.
    follows = ("opa",)

    def launch(self, lab: Lab) -> Launch:
        """Write the settings (addresses, and names of files that hold secrets) and start the process."""
        folder = lab.folder("operators")
        pair = lab.authority.server("stories")
        settings = {
            "kubeconfig": str(kubeconfig(lab)),
            "context": CONTEXT,
            "caFile": str(lab.authority.certificate),
            "opa": {"url": lab.url("opa"), "tokenFile": str(token_file(lab))},
            "kafka": {
                "bootstrap": bootstrap(lab),
                "user": SUPER_USER,
                "passwordFile": str(password_file(lab)),
            },
            "vault": {"url": lab.url("vault"), "tokenFile": str(reader_token_file(lab))},
            "prometheus": {
                "url": lab.url("prometheus"),
                "user": USER,
                "passwordFile": str(prometheus_password_file(lab)),
                "rulesFolder": str(rules_folder(lab)),
                "promtool": str(lab.tools["promtool"] / "promtool"),
            },
            "stories": {
                "port": lab.ports["stories"],
                "certificate": str(pair.certificate),
                "key": str(pair.key),
                "folder": str(stories_folder(lab)),
            },
            "readyFile": str(self._ready_file(lab)),
        }
        settings_file = write_if_changed(folder / "settings.json", json.dumps(settings, indent=2) + "\n")
        command = (sys.executable, "-m", "lab.operators", "--settings", str(settings_file))
        return Launch(
            command, folder, {"PYTHONUNBUFFERED": "1"}, files=(settings_file,), stale=(self._ready_file(lab),)
        )

    def is_ready(self, lab: Lab) -> bool:
        """Say whether the process has seen every kind of object once: it writes the ready file then."""
        return self._ready_file(lab).exists()

    def _ready_file(self, lab: Lab) -> Path:
        return lab.state / "operators" / "ready"
