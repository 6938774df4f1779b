"""A PostgreSQL of a test's own: over TLS with passwords, on loopback; it stands for a site's TimescaleDB.

PostgreSQL refuses to run as root. There it runs as nobody, with the one right of root that it needs: to come to its
files, which lie in root's own folders.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from lab.certificates import KeyPair
from lab.child import Child, ChildFailedError
from lab.files import write
from lab.ports import HOST

OWNER = "owner"
"""The user that may do everything."""
NOBODY = 65534
INITIAL_SECONDS = 60.0
START_SECONDS = 30.0
AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"),
)
# Passwords over TLS, and no other way in.
ACCESS = f"hostssl all all {HOST}/32 scram-sha-256\n"


def server(program: Path, folder: Path, port: int, pair: KeyPair, password: Path) -> Child:
    """Return a server with empty storage in `folder`, not started; the owner's password is what the file holds.

    Raises ChildFailedError.
    """
    data = folder / "data"
    data.mkdir(mode=0o700, parents=True)
    identity = [Path(shutil.copy(file, folder / file.name)) for file in (pair.certificate, pair.key)]
    if os.geteuid() == 0:
        for owned in (data, *identity):
            os.chown(owned, NOBODY, NOBODY)
    _initialise(program, data, password)
    settings = {
        "listen_addresses": HOST,
        "port": port,
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": identity[0],
        "ssl_key_file": identity[1],
        "hba_file": write(folder / "access", ACCESS, 0o644),
        # Small, and gone with the test.
        "shared_buffers": "16MB",
        "max_connections": 20,
        "fsync": "off",
        # What devices send is nobody's log line.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Child(
        (*_user(), program / "bin" / "postgres", "-D", data, *options),
        folder,
        lambda: _is_ready(data / "postmaster.pid"),
        start_seconds=START_SECONDS,
        # Fast: sessions are ended, and not waited for.
        stop_signal=signal.SIGINT,
    )


def _initialise(program: Path, data: Path, password: Path) -> None:
    command = (
        *(*_user(), str(program / "bin" / "initdb"), "--pgdata", str(data)),
        *("--username", OWNER, "--pwfile", str(password), "--auth", "scram-sha-256"),
        *("--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions"),
    )
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=INITIAL_SECONDS, cwd=data.parent, check=False
    )
    if done.returncode:
        raise ChildFailedError(done.stderr.strip())


def _is_ready(file: Path) -> bool:
    """Say whether the server says of itself, in its own file, that it takes statements; it listens before."""
    return file.exists() and file.read_text().rstrip().endswith("ready")


def _user() -> tuple[str, ...]:
    return AS_NOBODY if os.geteuid() == 0 else ()
