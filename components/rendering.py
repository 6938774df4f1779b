"""Renders a site to files with no server at hand: every object that its stack and its bootstrap would make, as text.

What a server makes stands as a placeholder: ids end in `-id`, certificates hold nothing but the word `mock` in base64.
Manifests name the Secret that holds a secret; the one value that the stack itself hands on (Keycloak's for the
dashboard's client) is not written.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from components.recording import OFFLINE, compose, compose_bootstrap
from components.registered import Registered
from components.settings import Settings
from model import Site

OUTPUTS = "outputs.yaml"
HIDDEN = "(a secret)"
"""What is written for a value that Pulumi keeps encrypted."""
# The key by which Pulumi marks such a value.
_SECRET_MARK = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the same in every program
BOOTSTRAP = "bootstrap/"
"""Before the paths of what Vault's administrator makes."""
BROKER_CONFIGURATION = "broker/emqx.conf"


class RenderingError(Exception):
    """Two objects of a site would be written to the same file."""

    def __init__(self, path: str) -> None:
        super().__init__(f"two objects of the site are rendered to {path}")
        self.path = path


def rendered(site: Site, settings: Settings = OFFLINE) -> dict[str, str]:
    """Return the site's files, text by path, in the order of the paths; the same site gives the same text.

    Raises `components.emqx_configuration.UnsupportedKeysError` and RenderingError.
    """
    composition = compose(site, settings)
    files = {
        BROKER_CONFIGURATION: composition.one("EMQX").spec["config"]["data"],
        OUTPUTS: _yaml(composition.outputs),
    }
    bootstrap = compose_bootstrap(site, settings).objects
    for folder, objects in (("", composition.objects), (BOOTSTRAP, bootstrap)):
        for path, text in (entry for made in objects for entry in _files(made, folder)):
            if path in files:
                raise RenderingError(path)
            files[path] = text
    return dict(sorted(files.items()))


def _files(made: Registered, folder: str) -> Iterator[tuple[str, str]]:
    """Yield an object's files: the object itself in `folder`, and the policies in it among all the others."""
    domain = made.type.split(":", 1)[0]
    if domain != "kubernetes":
        yield f"{folder}{domain}/{_word(made.kind)}/{_file_name(made.name)}.yaml", _yaml(made.inputs)
    else:
        name = "-".join(part for part in (made.metadata.get("namespace"), made.metadata["name"]) if part)
        yield f"kubernetes/{_word(made.kind)}/{_file_name(name)}.yaml", _yaml(made.inputs)
    if made.type == "vault:index/policy:Policy":
        yield f"policies/vault/{_file_name(made.inputs['name'])}.hcl", made.inputs["policy"]
    if made.kind == "ConfigMap":
        for key, text in made.inputs.get("data", {}).items():
            if key.endswith(".rego"):
                yield f"policies/{_file_name(made.metadata['name'])}/{_file_name(key)}", text


def _word(kind: str) -> str:
    """Return a kind as a folder's name: `NetworkPolicy` is `network-policy`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind).lower()


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)


class _Dumper(yaml.CSafeDumper):
    """Writes texts of several lines as they read, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's own signature
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _yaml(value: Any) -> str:
    # The engine hands maps over in no order of their own, and every number as a fraction.
    text: str = yaml.dump(_whole(value), Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=120)
    return text


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        if _SECRET_MARK in value:
            return HIDDEN
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(inner) for inner in value]
    return value
