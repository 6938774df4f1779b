"""Puts the Pulumi plugins where the lab's CLI looks: official ones where installed, the lab's stand-ins elsewhere."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROVIDERS = ("kubernetes", "vault", "keycloak")
LANGUAGE_HOST = "pulumi-language-python"
VERSION_VARIABLE = "IOT_BROKER_PLUGIN_VERSION"
ANSWER_SECONDS = 10.0
STAND_IN_MARK = "# Made by the lab of the IoT broker kit: a stand-in, not the official plugin."


@dataclass(frozen=True)
class Installed:
    """One plugin: what it is and where it runs from."""

    name: str
    version: str
    official: bool
    path: Path

    def __str__(self) -> str:
        kind = "official" if self.official else "the lab's stand-in"
        return f"{self.name} {self.version}: {kind}"


def install(home: Path, user_home: Path | None = None) -> Sequence[Installed]:
    """Make every plugin available to a CLI with PULUMI_HOME=`home`.

    `user_home` is where the user's own plugins are (default: PULUMI_HOME, else ~/.pulumi). Official plugins are used
    where they are: a provider that reports exactly the SDK's version is linked into `home`, a language host is found on
    PATH. Safe to repeat; replaces only what it made itself.
    """
    mine = user_home or Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return [_install_language_host(home), *(_install_provider(name, home, mine) for name in PROVIDERS)]


def provider_version(name: str) -> str:
    """The version of a provider that the installed SDK asks for."""
    return importlib.metadata.version(f"pulumi-{name}")


def _install_provider(name: str, home: Path, user_home: Path) -> Installed:
    version = provider_version(name)
    program = f"pulumi-resource-{name}"
    folder = home / "plugins" / f"resource-{name}-v{version}"
    official = _official_provider(program, folder.name, user_home, version)
    if official is None:
        _write_launcher(folder / program, f"lab.plugins.{name}", version)
        return Installed(name, version, official=False, path=folder / program)
    if (folder / program).resolve() != official.resolve():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / program).unlink(missing_ok=True)
        (folder / program).symlink_to(official.resolve())
    return Installed(name, version, official=True, path=official)


def _official_provider(program: str, folder: str, user_home: Path, version: str) -> Path | None:
    installed = user_home / "plugins" / folder / program
    on_path = shutil.which(program)
    for candidate in (installed, Path(on_path) if on_path else None):
        if candidate is None or not os.access(candidate, os.X_OK) or _is_stand_in(candidate):
            continue
        # A program on the PATH says nothing of its version by its name, and a folder's name may be wrong.
        if reported_version(candidate) == version:
            return candidate
    return None


def reported_version(program: Path) -> str | None:
    """Return the version that a provider plugin reports of itself; None for a program that answers no such question."""
    from lab.plugins import wire

    wire.lean()
    import grpc
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import provider_pb2_grpc

    # It is asked one question and needs no engine for it: at this address there is none.
    process = subprocess.Popen(
        [program, "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        port = _first_line(process)
        if not port.isdecimal():
            return None
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            answer = stub.GetPluginInfo(empty_pb2.Empty(), timeout=ANSWER_SECONDS, wait_for_ready=True)
        return str(answer.version).removeprefix("v")
    except grpc.RpcError:
        return None
    finally:
        process.kill()
        process.wait()


def _first_line(process: subprocess.Popen[bytes]) -> str:
    """Return what a plugin prints first: its port. One that prints nothing in time is ended, and so has no line."""
    assert process.stdout is not None  # noqa: S101 - for the type checker: a pipe was asked for
    patience = threading.Timer(ANSWER_SECONDS, process.kill)
    patience.start()
    try:
        return process.stdout.readline().decode("ascii", "replace").strip()
    finally:
        patience.cancel()
        process.stdout.close()


def _install_language_host(home: Path) -> Installed:
    sdk = importlib.metadata.version("pulumi")
    own = home / "plugins" / f"language-python-v{sdk}" / LANGUAGE_HOST
    found = shutil.which(LANGUAGE_HOST)
    if found is not None and not _is_stand_in(Path(found)):
        return Installed(LANGUAGE_HOST, sdk, official=True, path=Path(found))
    # In the plugin cache and not on PATH, where the CLI would warn of it in every run.
    _write_launcher(own, "lab.plugins.language_host", sdk)
    return Installed(LANGUAGE_HOST, sdk, official=False, path=own)


def _write_launcher(program: Path, module: str, version: str) -> None:
    """An executable that replaces itself by this environment's Python running `module`."""
    text = "\n".join(
        (
            "#!/bin/sh",
            STAND_IN_MARK,
            f"{VERSION_VARIABLE}={version}",
            f"export {VERSION_VARIABLE}",
            f'exec "{sys.executable}" -m {module} "$@"',
            "",
        )
    )
    if program.is_file() and not program.is_symlink() and program.read_text() == text:
        return
    program.parent.mkdir(parents=True, exist_ok=True)
    beside = program.with_name(f"{program.name}.{os.getpid()}")
    beside.write_text(text)
    beside.chmod(0o755)
    beside.replace(program)


def _is_stand_in(program: Path) -> bool:
    with program.open("rb") as file:
        return STAND_IN_MARK.encode() in file.read(512)
