"""Which API server to talk to and as whom, from a kubeconfig given by path, by content or by the environment."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.plugins.errors import SettingsError
from lab.plugins.values import Object, Value

REMEDY = "give it `kubeconfig` (a path or the content), or set KUBECONFIG"


@dataclass(frozen=True)
class Access:
    """A server, how to trust it and how to be known to it."""

    server: str
    tls: ssl.SSLContext | None
    headers: Mapping[str, str]
    namespace: str


def access(kubeconfig: str | None, context: str | None, cluster: str | None) -> Access:
    """Resolve the settings to a server; raises SettingsError. Nothing is contacted."""
    config, folder = _loaded(kubeconfig)
    name = context or config.get("current-context")
    if not name:
        raise SettingsError("kubernetes", "the kubeconfig has no current context", "name one by `context`")
    chosen = _named(config, "contexts", "context", str(name))
    server = _named(config, "clusters", "cluster", cluster or str(chosen.get("cluster", "")))
    user = _named(config, "users", "user", str(chosen["user"])) if chosen.get("user") else {}
    _refuse_unsupported(user)
    headers = {"Authorization": f"Bearer {token}"} if (token := _token(user, folder)) else {}
    address = str(server.get("server", "")).rstrip("/")
    if not address:
        raise SettingsError("kubernetes", f"the context {name} names no server", REMEDY)
    tls = _tls(server, user, folder) if address.startswith("https:") else None
    return Access(address, tls, headers, str(chosen.get("namespace") or "default"))


def _loaded(kubeconfig: str | None) -> tuple[Object, Path]:
    """The merged kubeconfig, and the folder that its relative paths count from."""
    if kubeconfig and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{")):
        return _parsed(kubeconfig, "the given kubeconfig"), Path.cwd()
    named = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    files = [Path(part).expanduser() for part in named.split(os.pathsep) if part]
    present = [file for file in files if file.is_file()]
    if not present:
        raise SettingsError("kubernetes", f"there is no kubeconfig at {named}", REMEDY)
    merged: Object = {}
    for file in present:
        for key, value in _parsed(file.read_text(encoding="utf-8"), str(file)).items():
            if isinstance(value, list):
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged.setdefault(key, value)
    return merged, present[0].parent


def _parsed(text: str, where: str) -> Object:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        parsed = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, in C where there is one
    except yaml.YAMLError as error:
        raise SettingsError("kubernetes", f"{where} is not YAML", REMEDY) from error
    if not isinstance(parsed, dict):
        raise SettingsError("kubernetes", f"{where} is not a kubeconfig", REMEDY)
    return parsed


def _named(config: Object, plural: str, singular: str, name: str) -> Object:
    for entry in config.get(plural) or []:
        if entry.get("name") == name:
            found: Object = entry.get(singular) or {}
            return found
    raise SettingsError("kubernetes", f"the kubeconfig has no {singular} {name!r}", REMEDY)


def _refuse_unsupported(user: Object) -> None:
    for key in ("exec", "auth-provider", "username"):
        if key in user:
            raise SettingsError(
                "kubernetes",
                f"the lab's stand-in plugin does not sign in by {key!r}",
                "use a token or a client certificate, or install the official plugin",
            )


def _token(user: Object, folder: Path) -> str | None:
    if user.get("tokenFile"):
        return (folder / str(user["tokenFile"])).read_text(encoding="utf-8").strip()
    return str(user["token"]) if user.get("token") else None


def _tls(server: Object, user: Object, folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority = _pem(server, "certificate-authority", folder)
    try:
        if server.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif authority is not None:
            context = ssl.create_default_context(cadata=authority)
        certificate = _pem(user, "client-certificate", folder)
        key = _pem(user, "client-key", folder)
        if certificate is not None and key is not None:
            # The ssl module reads a client key from a file only; this one is 0600 and gone at once.
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(f"{certificate}\n{key}\n")
                file.flush()
                context.load_cert_chain(file.name)
    except ssl.SSLError as error:
        raise SettingsError(
            "kubernetes", f"a certificate or key is unusable ({error.reason})", REMEDY
        ) from error
    return context


def _pem(entry: Object, name: str, folder: Path) -> str | None:
    data: Value = entry.get(f"{name}-data")
    if data:
        try:
            return base64.b64decode(str(data), validate=True).decode("ascii")
        except ValueError as error:
            raise SettingsError("kubernetes", f"{name}-data is not base64 of a PEM", REMEDY) from error
    path = entry.get(name)
    return (folder / str(path)).read_text(encoding="ascii") if path else None
