"""The lab's Python language host: runs a `runtime: python` program, or a policy pack, for the Pulumi engine.

Started by the engine as `pulumi-language-python [flags] ENGINE_ADDRESS`; prints its port. The program runs inside this
process, with the Python (and so the packages) that the host itself runs on; the SDK is imported only when it runs.
"""

from __future__ import annotations

import importlib
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from lab.plugins import wire

wire.lean()

import grpc  # noqa: E402 - after lean(), which decides what is loaded
from google.protobuf import empty_pb2  # noqa: E402
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2  # noqa: E402

from lab.plugins.service import MESSAGE_LIMIT, ORPHAN_CHECK_SECONDS, engine_address  # noqa: E402

POLICY_KIND = "analyzer"
CHUNK_BYTES = 65536


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """One host process' answers."""

    def __init__(self, engine: str) -> None:
        self.engine = engine

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Learn where the engine is."""
        del context
        self.engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing to tell: the host has no version of its own."""
        del request, context
        return plugin_pb2.PluginInfo()

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The Python that runs the program."""
        del request, context
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """None: the lab has installed what the program needs, and the engine finds it by the SDKs' versions."""
        del request, context
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: N802
        """None, for the same reason."""
        del request, context
        return language_pb2.GetRequiredPluginsResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Nothing to install: the program runs in the environment that the lab was started from."""
        del request, context
        yield from ()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802
        """No options to ask for."""
        del request, context
        return language_pb2.RuntimeOptionsResponse()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The engine closes the program's connections itself; the program ends by that."""
        del request, context
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run the program to its end; what it could not do has been logged by the SDK when this returns."""
        server = whole_sdk()
        del request.args[:]
        request.args.append(self.engine)
        program = Path(request.info.program_directory or request.pwd, request.info.entry_point or ".")
        folder = str(program if program.is_dir() else program.parent)
        os.chdir(request.pwd or folder)
        sys.argv = [str(program)]
        answer = server(lambda: _run_program(program, folder)).Run(request, context)
        # The SDK has logged the error already; saying it again would show it twice.
        return language_pb2.RunResponse(bail=True) if answer.error else answer

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a policy pack; other plugins written in Python are no part of the lab."""
        if request.kind != POLICY_KIND:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"the lab's language host runs no {request.kind} plugin"
            )
        arguments = [*request.args[:1], request.info.program_directory]
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.policy", *arguments],
            cwd=request.pwd or None,
            env=dict(entry.split("=", 1) for entry in request.env if "=" in entry) or None,
            stdout=subprocess.PIPE,
        )
        context.add_callback(process.terminate)
        assert process.stdout is not None  # noqa: S101 - for the type checker: a pipe was asked for
        while chunk := os.read(process.stdout.fileno(), CHUNK_BYTES):
            yield language_pb2.RunPluginResponse(stdout=chunk)
        yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _run_program(program: Path, folder: str) -> None:
    sys.path.insert(0, folder)
    try:
        runpy.run_path(str(program), run_name="__main__")
    finally:
        sys.path.remove(folder)


def whole_sdk() -> Callable[[Callable[[], None]], Any]:
    """Undo `wire.lean` and import the real SDK; the class of its language server."""
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto", "grpc.aio"):
        module = sys.modules.get(name)
        if isinstance(module, ModuleType) and getattr(module, "__file__", None) is None:
            del sys.modules[name]
    grpc.aio = importlib.import_module("grpc.aio")
    found: Callable[[Callable[[], None]], Any] = importlib.import_module(
        "pulumi.automation._server"
    ).LanguageServer
    return found


def main() -> NoReturn:
    """Serve until the engine ends it."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    parent = os.getppid()
    options = [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ]
    server = grpc.server(ThreadPoolExecutor(), options=options)
    host = Host(engine_address(sys.argv[1:]) or "")
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - the protocol: the first line on stdout is the port
    while not ended.wait(ORPHAN_CHECK_SECONDS) and os.getppid() == parent:
        pass
    server.stop(0).wait()
    sys.stdout.flush()
    os._exit(0)  # interpreter shutdown would take as long as the start


if __name__ == "__main__":
    main()
