"""The OIDC proxy before the dashboard: people reach the broker's API by it alone, and with a role of the realm.

At the opensource edition it lets in administrators, who sign in a second time at the dashboard itself; at the
enterprise edition also those who look, and the dashboard's own login with Keycloak follows (docs/dashboard.md). All
others look at Grafana.
"""

import hashlib
from typing import Any

import pulumi

from components import names, toml
from components.autoscaler import autoscaler
from components.certificates import server_certificate
from components.client_secret import CLIENT_SECRET
from components.component import Place, SiteComponent
from components.dashboard_login import CALLBACK, admitted, home
from components.keycloak_realm import GROUPS_CLAIM
from components.manifest import Manifest
from components.stateless import container_security, disruption_budget, pod_security, priority, spread
from model import Site
from model.units import Duration

PORT = 8443
COOKIE_SECRET = "cookie-secret"  # noqa: S105 - the key under which it is kept
_USER = 65532
_FILE = "oauth2-proxy.cfg"
_TLS_FOLDER, _TRUST_FOLDER, _SETTINGS_FOLDER = "/tls", "/trust", "/settings"
# It reads its certificate when it starts, and then never (oauth2-proxy#949): a renewed one ends it, by the probe.
_LOADED = "/loaded/certificate.sha256"
_START = (
    f"sha256sum {_TLS_FOLDER}/tls.crt > {_LOADED} && exec oauth2-proxy --config={_SETTINGS_FOLDER}/{_FILE}"
)
# The kit's own assumption: some administrators at a time.
_MEMORY, _CORES = "64Mi", "20m"
# What an autoscaler measures use by: of so little as the above a few pages in a second would be too many.
_SCALING_CORES = "200m"


class DashboardProxy(SiteComponent):
    """The proxy: its settings, certificate, Deployment, Service and disruption budget.

    `login` is the Secret of the dashboard's Keycloak client.
    """

    DOMAIN = "broker"
    SOFTWARE = "oauth2-proxy"
    PART = "dashboard-proxy"

    def __init__(
        self, name: str, place: Place, login: pulumi.Resource, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, place, opts)
        site = place.site
        proxy = site.identity.dashboard.proxy
        settings = Manifest(
            f"{site.name}-{names.DASHBOARD_PROXY}-settings",
            api_version="v1",
            kind="ConfigMap",
            metadata=self.metadata(names.DASHBOARD_PROXY),
            data={_FILE: self._settings()},
            opts=self.in_kubernetes(),
        )
        hosts = [site.dashboard_host, names.service_host(site, names.DASHBOARD_PROXY)]
        certificate = server_certificate(self, names.DASHBOARD_PROXY_TLS, hosts)
        server = Manifest(
            f"{site.name}-{names.DASHBOARD_PROXY}",
            api_version="apps/v1",
            kind="Deployment",
            metadata=self.metadata(names.DASHBOARD_PROXY),
            spec={
                **({} if proxy.autoscaling else {"replicas": proxy.replicas}),
                "selector": {"matchLabels": self.selector},
                "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {
                    "metadata": {
                        "labels": self.labels,
                        # It reads its settings at its start alone.
                        "annotations": {"iot-broker/settings": _digest(self._settings())},
                    },
                    "spec": self._pod(),
                },
            },
            opts=self.in_kubernetes(
                within=site.broker.ready_within, depends_on=[settings, certificate, login]
            ),
        )
        self._service(server)
        if proxy.autoscaling is not None:
            autoscaler(self, names.DASHBOARD_PROXY, proxy.replicas, proxy.autoscaling)
        self.register_outputs({"address": home(site)})

    def _settings(self) -> str:
        site = self.site
        return settings_text(site, names.issuer_url(self.place.settings.keycloak_url, site))

    def _service(self, server: Manifest) -> None:
        site = self.site
        Manifest(
            f"{site.name}-{names.DASHBOARD_PROXY}-service",
            api_version="v1",
            kind="Service",
            metadata=self.metadata(names.DASHBOARD_PROXY),
            spec={
                "selector": self.selector,
                "ports": [{"name": "https", "port": site.broker.dashboard_port, "targetPort": "https"}],
            },
            # It is waited for until it has a pod: begun before, it would hold up the end of a deployment that fails.
            opts=self.in_kubernetes(depends_on=[server]),
        )
        disruption_budget(self, names.DASHBOARD_PROXY)

    def _pod(self) -> dict[str, Any]:
        return {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **priority(self.site),
            "securityContext": pod_security(_USER),
            "topologySpreadConstraints": spread(self.selector),
            "containers": [self._container()],
            "volumes": [
                {"name": "settings", "configMap": {"name": names.DASHBOARD_PROXY}},
                {"name": "trust", "configMap": {"name": names.TRUST}},
                {"name": "tls", "secret": {"secretName": names.DASHBOARD_PROXY_TLS, "defaultMode": 0o440}},
                {"name": "loaded", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            ],
        }

    def _cores(self) -> str:
        return _SCALING_CORES if self.site.identity.dashboard.proxy.autoscaling else _CORES

    def _container(self) -> dict[str, Any]:
        return {
            "name": "proxy",
            "image": self.site.identity.dashboard.proxy.image.reference(),
            "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/sh", "-c", _START],
            "env": [
                _from_secret("OAUTH2_PROXY_CLIENT_SECRET", names.DASHBOARD_LOGIN, CLIENT_SECRET),
                _from_secret("OAUTH2_PROXY_COOKIE_SECRET", names.DASHBOARD_PROXY, COOKIE_SECRET),
                # Keycloak and the broker have certificates of the site's own authorities.
                {"name": "SSL_CERT_DIR", "value": _TRUST_FOLDER},
            ],
            "ports": [{"name": "https", "containerPort": PORT}],
            "readinessProbe": _answers("/ready", {"periodSeconds": 5, "failureThreshold": 2}),
            "livenessProbe": {
                "exec": {"command": ["sha256sum", "-c", "-s", _LOADED]},
                "periodSeconds": 60,
                "failureThreshold": 2,
            },
            "resources": {
                "requests": {"cpu": self._cores(), "memory": _MEMORY},
                "limits": {"memory": _MEMORY},
            },
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": "settings", "mountPath": _SETTINGS_FOLDER, "readOnly": True},
                {"name": "trust", "mountPath": _TRUST_FOLDER, "readOnly": True},
                {"name": "tls", "mountPath": _TLS_FOLDER, "readOnly": True},
                {"name": "loaded", "mountPath": _LOADED.rsplit("/", 1)[0]},
            ],
        }


def settings_text(site: Site, issuer: str) -> str:
    """Return the proxy's settings (TOML); its two secrets come from the environment."""
    broker = names.service_host(site, names.BROKER_DASHBOARD)
    sessions = site.identity.sessions
    values: dict[str, toml.Value] = {
        "provider": "oidc",
        "oidc_issuer_url": issuer,
        "client_id": site.identity.dashboard.client_id,
        "scope": "openid email profile",
        "code_challenge_method": "S256",
        "redirect_url": home(site) + CALLBACK,
        # Who it is, by a claim that everybody has: an address may be missing, or not be verified yet.
        "oidc_email_claim": "preferred_username",
        "oidc_groups_claim": GROUPS_CLAIM,
        "allowed_groups": admitted(site),
        "email_domains": ["*"],
        "https_address": f":{PORT}",
        "tls_cert_file": f"{_TLS_FOLDER}/tls.crt",
        "tls_key_file": f"{_TLS_FOLDER}/tls.key",
        "tls_min_version": "TLS1.2",
        "upstreams": [f"https://{broker}:{site.broker.dashboard_port}"],
        # Who signs in is known to Keycloak's events; the dashboard is not told, for it would not understand.
        "pass_user_headers": False,
        "pass_basic_auth": False,
        "skip_provider_button": True,
        "cookie_secure": True,
        "cookie_httponly": True,
        "cookie_samesite": "lax",
        "cookie_expire": sessions.maximum.go(),
        # Whoever left the group is out this soon; before the token ends, so that no request finds it ended.
        "cookie_refresh": refresh_after(sessions.access_token).go(),
        "silence_ping_logging": True,
    }
    return toml.render(values)


def refresh_after(access_token: Duration) -> Duration:
    """Return the age at which the proxy refreshes a session: four fifths of the token's life."""
    return Duration(max(1, access_token.seconds * 4 // 5))


def _from_secret(variable: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _answers(path: str, timing: dict[str, Any]) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "https", "scheme": "HTTPS"}, **timing}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
