"""The protocol's messages from the Pulumi SDK and gRPC, imported without what a plugin never uses."""

from __future__ import annotations

import importlib.machinery
import sys
import types


def lean() -> None:
    """Let `pulumi.runtime.proto.*` and `grpc` be imported alone; for a process that uses nothing else.

    The packages `pulumi` and `pulumi.runtime` import the whole SDK (0.3 s) when they are loaded; here they
    are empty packages that only know where their modules are. gRPC's asyncio half (0.08 s) is left out too.
    Does nothing when the SDK is loaded already.
    """
    if "pulumi" in sys.modules:
        return
    found = importlib.machinery.PathFinder.find_spec("pulumi")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the Pulumi SDK is not installed beside the lab", name="pulumi")
    folder = found.submodule_search_locations[0]
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        package = types.ModuleType(name)
        package.__path__ = ["/".join((folder, *name.split(".")[1:]))]
        sys.modules[name] = package
    sys.modules.setdefault("grpc.aio", types.ModuleType("grpc.aio"))
