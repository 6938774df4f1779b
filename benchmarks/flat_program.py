"""Writes the flat Pulumi program that has the same resources as a deployed site, and its state.

The program is what somebody would write by hand without the kit: one constructor call per resource, all values in
place. Its state is the site's own, with the resources renamed, so that its preview too finds everything as it is.
"""

import json
import keyword
import re
from pathlib import Path
from typing import Any

from tests.support.shell import Shell

STACK = "flat"
ENGINE_PROVIDER = "pulumi:providers:pulumi"
# The key by which Pulumi marks a special value.
_MARK = "4dabf18193072939515e22adb298388d"


def write(shell: Shell, site: str, folder: Path) -> Shell:
    """Write the program and import its state; returns a shell in its folder."""
    exported = json.loads(shell.pulumi("stack", "export", "--show-secrets", "--stack", site).out)
    flat = Shell(folder, shell.environment)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: {STACK}\nruntime: python\n")
    # The engine's own provider is there because the site's program reads its own outputs; nobody writes it by hand.
    kept = [entry for entry in exported["deployment"]["resources"] if entry["type"] != ENGINE_PROVIDER]
    exported["deployment"]["resources"] = kept
    resources = [entry for entry in kept if entry.get("custom")]
    (folder / "__main__.py").write_text(source(resources))
    state = json.dumps(renamed(exported))
    flat.pulumi("stack", "init", STACK, check=False)
    flat.pulumi("stack", "import", "--stack", STACK, text=state)
    return flat


def source(resources: list[dict[str, Any]]) -> str:
    """Return the program's text."""
    lines: list[str] = []
    modules: set[str] = set()
    variables: dict[str, str] = {}
    for resource in resources:
        module, constructor = _constructor(resource["type"])
        modules.add(module)
        name = resource["urn"].rsplit("::", maxsplit=1)[-1]
        arguments = {
            _snake(key): value for key, value in resource["inputs"].items() if not key.startswith("__")
        }
        if resource["type"].startswith("pulumi:providers:"):
            arguments = {key: _setting(value) for key, value in arguments.items() if key != "version"}
            variables[resource["urn"]] = f"provider_{len(variables)}"
            lines.append(
                f"{variables[resource['urn']]} = {module}.{constructor}({name!r}, **{_decoded(arguments)!r})"
            )
            continue
        arguments.pop("kind", None) if constructor != "CustomResource" else None
        if constructor != "CustomResource":
            arguments.pop("api_version", None)
        provider = variables[resource["provider"].rsplit("::", maxsplit=1)[0]]
        options = [f"provider={provider}"]
        if resource.get("protect"):
            options.append("protect=True")
        text = repr(_decoded(arguments))
        lines.append(
            f"{module}.{constructor}({name!r}, **{text}, opts=pulumi.ResourceOptions({', '.join(options)}))"
        )
    imports = ["import pulumi", *(f"import {module}" for module in sorted(modules))]
    return "\n".join([*imports, "", *lines, ""])


def renamed(exported: dict[str, Any]) -> dict[str, Any]:
    """Return the exported state with the names that the flat program's resources have."""
    resources = exported["deployment"]["resources"]
    names = {entry["urn"]: _urn(entry["urn"]) for entry in resources}
    stack = next(names[entry["urn"]] for entry in resources if entry["type"] == "pulumi:pulumi:Stack")
    kept = []
    for entry in resources:
        if not entry.get("custom") and entry["type"] != "pulumi:pulumi:Stack":
            continue
        changed = {
            key: value for key, value in entry.items() if key not in ("propertyDependencies", "aliases")
        }
        changed["urn"] = names[entry["urn"]]
        if "parent" in entry:
            changed["parent"] = stack
        if "provider" in entry:
            urn, _, identity = entry["provider"].rpartition("::")
            changed["provider"] = f"{names[urn]}::{identity}"
        changed.pop("dependencies", None)
        changed.pop("outputs", None) if entry["type"] == "pulumi:pulumi:Stack" else None
        kept.append(changed)
    deployment = exported["deployment"] | {"resources": kept}
    deployment.pop("pending_operations", None)
    return exported | {"deployment": deployment}


def _urn(urn: str) -> str:
    _, _, type_token, name = urn.split("::")
    kind = type_token.rsplit("$", maxsplit=1)[-1]
    shown = f"{STACK}-{STACK}" if kind == "pulumi:pulumi:Stack" else name
    return f"urn:pulumi:{STACK}::{STACK}::{kind}::{shown}"


def _constructor(type_token: str) -> tuple[str, str]:
    """Return the SDK's module and class of a resource type."""
    package, module, name = type_token.split(":")
    if package == "pulumi":
        return f"pulumi_{name}", "Provider"
    if package != "kubernetes":
        sub = module.split("/")[0]
        return f"pulumi_{package}" + ("" if sub == "index" else f".{sub.lower()}"), name
    group, _, version = module.rpartition("/")
    if group in ("", "core", "apps", "policy") or group.endswith(".k8s.io"):
        short = group.removesuffix(".k8s.io").split(".")[0] or "core"
        return f"pulumi_kubernetes.{short}.{version}", name
    return "pulumi_kubernetes.apiextensions", "CustomResource"


def _setting(value: Any) -> Any:
    """Return a provider's input as it is written in a program: the state keeps numbers and choices as JSON text."""
    return json.loads(value) if isinstance(value, str) and re.fullmatch(r"true|false|\d+", value) else value


def _snake(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return f"{snake}_" if keyword.iskeyword(snake) else snake


def _decoded(value: Any) -> Any:
    """Drop bookkeeping (`__defaults`), and read what the state keeps encrypted."""
    if isinstance(value, dict):
        if _MARK in value:
            # Of the lab, and in a folder of the benchmark's own that goes with it.
            return json.loads(value["plaintext"])
        return {key: _decoded(entry) for key, entry in value.items() if key != "__defaults"}
    if isinstance(value, list):
        return [_decoded(entry) for entry in value]
    return value
