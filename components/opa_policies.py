"""The policy server that decides what MQTT clients may do, with its policies and the site's own data."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from components import bridge_settings, workers
from components.autoscaler import autoscaler
from components.certificates import server_certificate
from components.component import Place, SiteComponent
from components.manifest import Manifest
from components.names import (
    CLIENT_CLASSES,
    POLICY_SERVER,
    POLICY_SERVER_PORT,
    POLICY_SERVER_TLS,
    client_domain,
    client_name,
    probe_name,
    readiness_topic,
    service_host,
)
from components.stateless import container_security, disruption_budget, pod_security, priority, spread
from model import Site
from model.incumbent_bridge import INWARD_RULE
from model.policy import Host, TopicRule

SOURCES = Path(__file__).parents[1] / "policies"
# The bundle is found by the labels that OPA's kube-mgmt looks for, so that any policy server can load it.
POLICY_LABELS = {"openpolicyagent.org/policy": "rego"}
DATA_LABELS = {"openpolicyagent.org/data": "opa"}
POLICY_NAME = f"{POLICY_SERVER}-policy"
DATA_NAME = f"{POLICY_SERVER}-data"
AUTHORIZATION_NAME = f"{POLICY_SERVER}-authorization"
POLICY_FOLDER = "/policies"
TLS_FOLDER = "/tls"
# Any user but root; the image's own is 1000 as well.
USER = 1000
# Measured with this bundle on OPA 1.22.2: 39 MiB resident; a decision, TLS and JSON included, took 1.4 ms.
MEMORY = "128Mi"
CORES = "50m"
# An autoscaler measures use by the request: 70 % of this is 250 decisions a second, of the other a few dozen.
SCALING_CORES = "500m"
# No token of the realm is good for longer, whoever it is for: seconds.
LONGEST_TOKEN = 86_400
# Class of the people that signed in with a token; the policy lets them read at most.
SIGNED_IN = "user"
# Classes of the clients that a rule may name one by one.
NAMED_CLASSES = ("gateway", "service")
DIGEST_ANNOTATION = "iot-broker/bundle"


class OpaPolicies(SiteComponent):
    """The policy server: its bundle, certificate, Deployment, Service and disruption budget.

    A changed bundle rolls the servers: a new one that cannot load its policies never becomes ready, and the old
    ones go on serving what they have.
    """

    DOMAIN = "policy"
    SOFTWARE = "opa"
    PART = "policy"

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        site = place.site
        bundle = [
            self._config_map(POLICY_NAME, policy_files(), POLICY_LABELS),
            self._config_map(DATA_NAME, {"site.json": site_data(site)}, DATA_LABELS),
            self._config_map(AUTHORIZATION_NAME, authorization_file(), {}),
        ]
        host = service_host(site, POLICY_SERVER)
        certificate = server_certificate(self, POLICY_SERVER_TLS, [host])
        server = Manifest(
            f"{site.name}-{POLICY_SERVER}",
            api_version="apps/v1",
            kind="Deployment",
            metadata=self.metadata(POLICY_SERVER),
            spec={
                # Where they scale themselves the number is the autoscaler's alone.
                **({} if site.policy.autoscaling else {"replicas": site.policy.replicas}),
                "selector": {"matchLabels": self.selector},
                "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {
                    "metadata": {
                        "labels": self.labels,
                        "annotations": {DIGEST_ANNOTATION: bundle_digest(site)},
                    },
                    "spec": self._pod(),
                },
            },
            opts=self.in_kubernetes(within=site.broker.ready_within, depends_on=[*bundle, certificate]),
        )
        self._service(server)
        if site.policy.autoscaling is not None:
            autoscaler(self, POLICY_SERVER, site.policy.replicas, site.policy.autoscaling)
        disruption_budget(self, POLICY_SERVER)
        self.register_outputs({"host": host})

    def _config_map(self, name: str, files: Mapping[str, str], labels: Mapping[str, str]) -> Manifest:
        return Manifest(
            f"{self.site.name}-{name}",
            api_version="v1",
            kind="ConfigMap",
            metadata=self.metadata(name, labels=labels),
            data=files,
            opts=self.in_kubernetes(),
        )

    def _service(self, server: Manifest) -> None:
        Manifest(
            f"{self.site.name}-{POLICY_SERVER}-service",
            api_version="v1",
            kind="Service",
            metadata=self.metadata(POLICY_SERVER),
            spec={
                "selector": self.selector,
                "ports": [{"name": "https", "port": POLICY_SERVER_PORT, "targetPort": "https"}],
            },
            # Its addresses are the pods that are ready, which the Deployment has waited for already.
            # It is waited for until it has a pod: begun before, it would hold up the end of a deployment that fails.
            opts=self.in_kubernetes(depends_on=[server]),
        )

    def _pod(self) -> dict[str, Any]:
        return {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **priority(self.site),
            "securityContext": pod_security(USER),
            "topologySpreadConstraints": spread(self.selector),
            "containers": [self._container()],
            "volumes": [
                {
                    "name": "bundle",
                    "projected": {
                        "sources": [
                            {"configMap": {"name": name}}
                            for name in (POLICY_NAME, DATA_NAME, AUTHORIZATION_NAME)
                        ]
                    },
                },
                {"name": "tls", "secret": {"secretName": POLICY_SERVER_TLS, "defaultMode": 0o440}},
            ],
        }

    def _container(self) -> dict[str, Any]:
        return {
            "name": "opa",
            "image": self.site.policy.image.reference(),
            "imagePullPolicy": "IfNotPresent",
            "args": list(server_arguments()),
            "ports": [{"name": "https", "containerPort": POLICY_SERVER_PORT}],
            "readinessProbe": _health({"periodSeconds": 5, "failureThreshold": 2}),
            "livenessProbe": _health({"periodSeconds": 10, "failureThreshold": 3}),
            "startupProbe": _health({"periodSeconds": 1, "failureThreshold": 30}),
            # No limit of cores: a throttled policy server delays every publish of the site.
            "resources": {
                "requests": {
                    "cpu": SCALING_CORES if self.site.policy.autoscaling else CORES,
                    "memory": MEMORY,
                },
                "limits": {"memory": MEMORY},
            },
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": "bundle", "mountPath": POLICY_FOLDER, "readOnly": True},
                {"name": "tls", "mountPath": TLS_FOLDER, "readOnly": True},
            ],
        }


def server_arguments() -> tuple[str, ...]:
    """Return what OPA is started with; what it answers to whom is in `policies/server/`."""
    return (
        "run",
        "--server",
        f"--addr=0.0.0.0:{POLICY_SERVER_PORT}",
        f"--tls-cert-file={TLS_FOLDER}/tls.crt",
        f"--tls-private-key-file={TLS_FOLDER}/tls.key",
        # cert-manager renews the certificate in place.
        "--tls-cert-refresh-period=1m",
        "--authorization=basic",
        "--skip-version-check",
        "--log-format=json",
        "--log-level=error",
        # Kubernetes keeps the files of a volume in hidden folders beside their links.
        "--ignore=.*",
        POLICY_FOLDER,
    )


def policy_files() -> dict[str, str]:
    """Return the Rego that decides for the broker, and what it imports: text by file name, tests left out."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for folder in ("lib", "mqtt")
        for path in sorted((SOURCES / folder).glob("*.rego"))
        if not path.stem.endswith("_test")
    }


def authorization_file() -> dict[str, str]:
    """Return the Rego that says what the policy server itself answers, and to whom."""
    return {"authorization.rego": (SOURCES / "server" / "authorization.rego").read_text(encoding="utf-8")}


def site_data(site: Site) -> str:
    """Return the site's data as a JSON document for OPA's root: `sites.<site>`; the same for the same site."""
    document = {
        "sites": {
            site.name: {
                "classes": {name: client_domain(site, name) for name in CLIENT_CLASSES},
                # What the bridge brings in has such a client id, and by it does not go out again.
                "reserved_client_ids": [INWARD_RULE],
                # Who holds the probe's key learns nothing by it: it hears of one topic, whatever services may read.
                "confined": {probe_name(site): [readiness_topic(site)]},
                "rules": [_rule(site, rule) for rule in site.policy.rules],
                # What a token's attribute must say, and in how many seconds a token must end.
                "realm": site.name,
                "longest_token": LONGEST_TOKEN,
                **workers.rights(site),
                **bridge_settings.rights_by_name(site),
                "hosts": {
                    client_name(site, "service", host.name): {
                        "states": list(host.states),
                        "topics": [*host.states, *_commands(site, host)],
                    }
                    for host in site.policy.hosts
                },
                "gateways": {
                    client_name(site, "gateway", gateway.name): {
                        "spaces": [site.topic_spaces[asset] for asset in gateway.assets]
                    }
                    for gateway in site.identity.gateways
                },
            }
        }
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def bundle_digest(site: Site) -> str:
    """Return a hash of everything that the policy server loads."""
    files = policy_files() | authorization_file() | {"site.json": site_data(site)}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _rule(site: Site, rule: TopicRule) -> dict[str, Any]:
    """Return a rule as the policy reads it: `{name}` of the site's data is the broker's `${username}`."""
    topics = [filled for topic in rule.topics for filled in _filled(site, topic)]
    return {"name": rule.name, "who": _who(site, rule.who), "actions": sorted(rule.actions), "topics": topics}


def _filled(site: Site, topic: str) -> list[str]:
    """Return the filters that one of the data stands for: one for each topic space or host it asks for, or none."""
    filled = [topic.replace("{site}", site.name).replace("{name}", "${username}")]
    several = {
        "{elsewhere}": site.spaces_elsewhere,
        "{host}": tuple(host.host_id for host in site.policy.hosts if host.host_id),
    }
    for placeholder, values in several.items():
        if placeholder in topic:
            filled = [one.replace(placeholder, value) for one in filled for value in values]
    return filled


def _commands(site: Site, host: Host) -> list[str]:
    return [command.replace("{site}", site.name) for command in host.commands]


def _who(site: Site, who: str) -> dict[str, Any]:
    """Return whom a rule means: a class of clients, or patterns of whole common names.

    A pattern without a dot is of the client's own name, and means gateways and services alone: whoever enrols a
    device chooses its name, and must not gain a right by it.
    """
    if who in (*CLIENT_CLASSES, SIGNED_IN):
        return {"class": who}
    if "." in who:
        return {"common_names": [who]}
    return {"common_names": [f"{who}.{client_domain(site, name)}" for name in NAMED_CLASSES]}


def _health(timing: dict[str, Any]) -> dict[str, Any]:
    return {"httpGet": {"path": "/health", "port": "https", "scheme": "HTTPS"}, **timing}
