"""The stand-in kubernetes plugin: its settings, and the handler of every kind that the kit uses."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lab.plugins.base import Checked, Failure, Provider, Resource
from lab.plugins.errors import SettingsError
from lab.plugins.kubernetes.kinds import covered_kind
from lab.plugins.values import Object, Value, plain

if TYPE_CHECKING:
    from lab.plugins.kubernetes.client import Client

SETTINGS = frozenset(
    {
        "kubeconfig",
        "context",
        "cluster",
        "namespace",
        "enableServerSideApply",
        "enableConfigMapMutable",
        "enableSecretMutable",
        "version",
        "pluginDownloadURL",
    }
)


class KubernetesProvider(Provider):
    """One API server."""

    name = "kubernetes"
    accepts_secrets = True
    diffs_settings = True

    def __init__(self) -> None:
        self.settings: Object = {}
        self.mutable: frozenset[str] = frozenset()
        self._client: Client | None = None
        self._lock = threading.Lock()

    def check_settings(self, news: Object) -> Checked:
        """Refuse what the stand-in does not do."""
        failures = [
            Failure(key, "the lab's stand-in kubernetes plugin does not cover this setting")
            for key in sorted(news.keys() - SETTINGS)
        ]
        if not failures and not _true(news.get("enableServerSideApply", True)):
            failures = [
                Failure("enableServerSideApply", "the lab's stand-in applies on the server side only")
            ]
        return Checked(news, failures)

    def replacing_settings(self, old: Object, new: Object) -> Sequence[str]:
        """Another API server replaces everything: where both are known and differ."""
        if old == new:
            return []
        servers = [_server(plain(settings)) for settings in (old, new)]
        return ["kubeconfig"] if None not in servers and servers[0] != servers[1] else []

    def configure(self, settings: Mapping[str, Value]) -> None:
        """Take the settings; the kubeconfig is read when a server is first needed."""
        self.settings = {key: value for key, value in plain(settings).items() if value not in (None, "")}
        mutable = {"ConfigMap": "enableConfigMapMutable", "Secret": "enableSecretMutable"}
        self.mutable = frozenset(
            kind for kind, key in mutable.items() if _true(self.settings.get(key, False))
        )

    def resource(self, type_token: str) -> Resource | None:
        """The handler of the kind that the token names."""
        kind = covered_kind(type_token)
        if kind is None:
            return None
        from lab.plugins.kubernetes.objects import KubernetesObject

        return KubernetesObject(kind, self)

    def client(self) -> Client:
        """The connection to the API server; raises SettingsError when the settings name none."""
        with self._lock:
            if self._client is None:
                from lab.plugins.kubernetes.client import Client
                from lab.plugins.kubernetes.kubeconfig import access

                self._client = Client(access(*_server_settings(self.settings)))
            return self._client

    def default_namespace(self) -> str:
        """Where an object goes that names no namespace."""
        named = self.settings.get("namespace")
        return str(named) if named else self.client().access.namespace


def _server(settings: Object) -> str | None:
    from lab.plugins.kubernetes.kubeconfig import access

    try:
        return access(*_server_settings(settings)).server
    except (SettingsError, OSError):
        return None


def _server_settings(settings: Object) -> tuple[str | None, str | None, str | None]:
    texts = [settings.get(key) for key in ("kubeconfig", "context", "cluster")]
    kubeconfig, context, cluster = (text if isinstance(text, str) and text else None for text in texts)
    return kubeconfig, context, cluster


def _true(value: Value) -> bool:
    return value is True or value == "true"
