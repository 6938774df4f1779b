"""Prometheus as a site's platform has it: TLS and a password on every page, rules and history from the lab."""

import base64
import json
from pathlib import Path

from lab.files import secret, write_if_changed
from lab.servers.base import Lab, Server, listing
from lab.servers.http import Client
from lab.servers.prometheus_page import PATH, write_page
from lab.supervision import Launch

USER = "iot-broker"
# Kept long enough for any window that a gate or a dashboard looks at.
RETENTION = "400d"
# The password is 24 random bytes: nobody guesses it, however cheap the hash, and each request costs a check.
HASH_ROUNDS = 4


def password_file(lab: Lab) -> Path:
    """Return the file of the password of `USER`, who may do everything."""
    return lab.state / "prometheus" / "password"


def data_folder(lab: Lab) -> Path:
    """Return the folder of Prometheus' blocks and its log of what is not in a block yet."""
    return lab.state / "prometheus" / "data"


def rules_folder(lab: Lab) -> Path:
    """Return the folder whose `*.json` files are Prometheus' rules; the lab's operators write them."""
    return lab.state / "prometheus" / "rules"


def scrapes_folder(lab: Lab) -> Path:
    """Return the folder whose `*.json` files add to what Prometheus scrapes: `{"scrape_configs": [...]}` each."""
    return lab.folder("prometheus/scrapes")


def stories_folder(lab: Lab) -> Path:
    """Return the folder of what the lab tells of its sites: one file for each site that has a story."""
    return lab.folder("prometheus/stories")


def client(lab: Lab) -> Client:
    """Return a client that may do everything in the lab's Prometheus."""
    pair = f"{USER}:{password_file(lab).read_text()}" if password_file(lab).exists() else ":"
    headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return Client(lab.url("prometheus"), lab.authority.certificate, headers=headers)


class Prometheus(Server):
    """The real Prometheus; its rules come from the cluster, it scrapes itself, and what the lab tells of its sites."""

    name = "prometheus"
    ports = ("prometheus",)
    tools = ("promtool",)

    def launch(self, lab: Lab) -> Launch:
        """Write what it reads (settings, certificate, hash of the password) and start it."""
        folder = lab.folder("prometheus")
        lab.folder("prometheus/rules")
        settings = write_if_changed(folder / "prometheus.json", _json(_settings(lab)))
        web = write_if_changed(folder / "web.json", _json(_web(lab)))
        pages = lab.folder("prometheus/pages")
        written = write_page(pages)
        command = listing(
            str(lab.tools["promtool"] / "prometheus"),
            "--web.enable-lifecycle",
            "--web.enable-admin-api",
            "--no-auto-gomemlimit",
            **{
                "config.file": settings,
                "web.config.file": web,
                "web.listen-address": lab.endpoint("prometheus"),
                # Who opens its address is led to the lab's page below this path; the API stays where it is.
                "web.external-url": f"{lab.url('prometheus')}{PATH}",
                "web.route-prefix": "/",
                "web.console.templates": pages,
                "web.console.libraries": pages,
                "storage.tsdb.path": lab.folder("prometheus/data"),
                "storage.tsdb.retention.time": RETENTION,
                "log.level": "warn",
            },
        )
        return Launch(command, folder, {"GOGC": "50"}, files=(settings, web, *written))

    def is_ready(self, lab: Lab) -> bool:
        """Ask Prometheus' own readiness page: its data are read, and it answers queries."""
        return password_file(lab).exists() and client(lab).answers("/-/ready")

    def version(self, lab: Lab) -> str:
        """Return Prometheus' own version."""
        return str(client(lab).must("GET", "/api/v1/status/buildinfo")["data"]["version"])


def _settings(lab: Lab) -> dict[str, object]:
    access = {
        "scheme": "https",
        "tls_config": {"ca_file": str(lab.authority.certificate)},
        "basic_auth": {"username": USER, "password_file": str(password_file(lab))},
    }
    jobs = [
        {"job_name": "prometheus", **access, "static_configs": [{"targets": [lab.endpoint("prometheus")]}]},
        # The labels that the site's own monitors would give, `job` and `up` among them, come with the series.
        {
            "job_name": "stories",
            "honor_labels": True,
            **access,
            "static_configs": [{"targets": [lab.endpoint("stories")]}],
        },
    ]
    return {
        "global": {"scrape_interval": "30s", "evaluation_interval": "30s"},
        "rule_files": [f"{rules_folder(lab)}/*.json"],
        # What tests scrape, beside the lab's own.
        "scrape_config_files": [f"{scrapes_folder(lab)}/*.json"],
        "scrape_configs": jobs,
    }


def _web(lab: Lab) -> dict[str, object]:
    pair = lab.authority.server("prometheus")
    tls = {"cert_file": str(pair.certificate), "key_file": str(pair.key), "min_version": "TLS12"}
    return {"tls_server_config": tls, "basic_auth_users": {USER: _hash(lab)}}


def _hash(lab: Lab) -> str:
    """Return the password's hash: the one that was made before while it is the password's, for each has its salt."""
    import bcrypt

    password = secret(password_file(lab)).encode()
    file = lab.state / "prometheus" / "password.bcrypt"
    if not (file.exists() and bcrypt.checkpw(password, file.read_text().encode())):
        write_if_changed(file, bcrypt.hashpw(password, bcrypt.gensalt(HASH_ROUNDS)).decode())
    return file.read_text()


def _json(document: object) -> str:
    # JSON is YAML, and needs no library to write.
    return json.dumps(document, indent=2) + "\n"
