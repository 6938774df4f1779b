"""Runs the real command many times, each in a fork of one process that has loaded it: `python -m tests.support.forks`.

Reads `[{"arguments": [...], "how": ...}]` from stdin, and writes `[{"code": …, "out": …, "err": …}]`. `how` is `plain`,
`full` (stdout takes nothing), `closed` (no stdout), `read-only` (no rights to write to the current folder), `no-room`
(no file may grow) or `interrupted` (Ctrl-C as soon as it runs).
"""

import ctypes
import json
import os
import resource
import signal
import struct
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

SECONDS = 60
CAPABILITIES_VERSION = 0x20080522
INTERRUPT_AFTER = 0.01


def main() -> None:
    """Run every case, one after the other."""
    from sitectl import entry
    from sitectl.main import VERBS

    for module, _ in VERBS.values():
        import_module(module)
    for module in ("components.rendering", "lab.demo", "lab.servers", "model.estate", "model.schema"):
        import_module(module)
    # As the command's first line sets it; what Python says before that line is Python's own.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    cases = json.loads(sys.stdin.read())
    sys.stdout.write(json.dumps([_run(case["arguments"], case["how"], entry.main) for case in cases]))


def _run(arguments: list[str], how: str, command: object) -> dict[str, object]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(arguments, how, out, err)
            assert callable(command)
            _end(command)
        if how == "interrupted":
            time.sleep(INTERRUPT_AFTER)
            os.kill(child, signal.SIGINT)
        code = _waited(child)
        if how == "read-only":
            for folder in _folders():
                folder.chmod(0o755)
        out.seek(0)
        err.seek(0)
        return {"code": code, "out": out.read().decode(), "err": err.read().decode()}


def _become(arguments: list[str], how: str, out: BinaryIO, err: BinaryIO) -> None:
    """Make this fork what a shell would have started."""
    sys.argv = ["sitectl", *arguments]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open("/dev/full", os.O_WRONLY) if how == "full" else out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    if how == "closed":
        os.close(1)
        sys.stdout = None  # as Python itself finds it
    if how == "no-room":
        # The words still have their place: a pipe does not grow, and here they are read from one.
        _through_pipe(err)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if how == "read-only":
        for folder in _folders():
            folder.chmod(0o555)
        _give_up_privileges()


def _folders() -> list[Path]:
    here = Path.cwd()
    return [here, *(path for path in here.rglob("*") if path.is_dir())]


def _give_up_privileges() -> None:
    """Let the rights of files hold for this process, root's as well: it keeps no capability (capset(2))."""
    header = struct.pack("Ii", CAPABILITIES_VERSION, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _through_pipe(err: BinaryIO) -> None:
    """Let another fork write to the files what this one says."""
    for number, file in ((1, None), (2, err)):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(writer)
            target = file.fileno() if file else 1
            while chunk := os.read(reader, 65536):
                os.write(target, chunk)
            os._exit(0)
        os.close(reader)
        os.dup2(writer, number)
        os.close(writer)


def _end(command: object) -> None:
    """Run the command as Python runs a program, with its last flush, and end this fork."""
    import traceback

    code = 0
    try:
        assert callable(command)
        command()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - what Python itself would show, the interrupt as well
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            os.write(2, f"Exception ignored: {error}\n".encode())
    os._exit(code)


def _waited(child: int) -> int:
    for _ in range(SECONDS * 50):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise TimeoutError(f"a command did not end: {Path('/proc/self').resolve().name}")


if __name__ == "__main__":
    main()
