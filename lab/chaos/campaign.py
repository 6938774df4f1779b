"""Runs the trials of `make chaos` one after another in a lab of its own, and compares each with the undisturbed."""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka.admin import AdminClient

from lab.chaos.fingerprint import Fingerprint, differences, fingerprint
from lab.chaos.plan import Ended, Result, Trial, errors
from lab.chaos.striking import Checkpoint, Moment, checkpoint, kill, state_file, strike
from lab.demo import bootstrap, namespace_urns
from lab.environment import for_child
from lab.errors import LabError
from lab.estate import Estate
from lab.program import copy_program
from lab.servers.http import Client
from lab.waiting import NotInTimeError, wait_until
from model import Site, load_site
from sitectl.recovery.vault import CUT_OFF

SITE = "eagle-ford"
UP = ("up", "--yes", "--skip-preview")
DESTROY = ("destroy", "--yes", "--skip-preview")
EDITS = {
    "broker:\n": "broker:\n  replicas: 5\n",
    "streams:\n": "streams:\n  topics:\n    - name: raw\n      retention: 20d\n",
}
SETTLED_SECONDS = 60.0
# What the kit promises of a server that stops or hangs in the middle of an `up`: as long as it waits for a broker
# (`broker.ready_within`), and a minute for what was under way beside it.
ENDED_SECONDS = 660.0
RUN_SECONDS = 900.0
# What a state on a full disk may still grow by, in KiB: a few resources.
ROOM = 200
# A file system of memory gives a file whole pages.
PAGE = 4096


class TrialError(Exception):
    """A command of a trial failed: which one, its errors, and without any its last words."""

    def __init__(self, command: tuple[str, ...], words: str) -> None:
        said = errors(words) or tuple(words.splitlines()[-25:])
        super().__init__("\n".join((" ".join(command), *said)))


@dataclass
class Campaign:
    """The lab, a copy of the program that is edited, and what undisturbed deployments make of it."""

    estate: Estate
    folder: Path
    edited: bool = False
    expected: dict[bool, Fingerprint] = field(default_factory=dict)
    struck: bool = False
    """Whether the last deployment was struck before its own end."""

    def prepare(self) -> None:
        """Deploy the site undisturbed, with its edits and without, and look at every server."""
        self.estate.up()
        shutil.rmtree(self.folder, ignore_errors=True)
        copy_program(self.estate.root, self.folder)
        if code := bootstrap(self.estate, SITE):
            raise TrialError(("the bootstrap",), f"it ended with {code}")
        for edited in (True, False):
            self._edit(edited)
            self._pulumi(*UP)
            self.estate.grant(self._site())
            self.expected[edited] = self._seen()

    def run(self, trial: Trial) -> Result:
        """Run one trial; what goes wrong is in its result, and `anew` is due then."""
        began = time.monotonic()
        recovered, problem = 0, ""
        found: tuple[str, ...] = ()
        restarted: tuple[str, ...] = ()
        ended: Ended | None = None
        self.struck = False
        try:
            ended = self._interrupt(trial)
            restarted = self._revived()
            done = self._recover()
            recovered = len(done)
            restarted += self._restarted_after(done)
            self._whole()
            self._pulumi(*UP)
            self.estate.grant(self._site())
            found = self._compared()
        except (TrialError, LabError, subprocess.TimeoutExpired) as error:
            problem = str(error) or type(error).__name__
        seconds = time.monotonic() - began
        return Result(trial, seconds, recovered, found, problem, restarted, ended, self.struck)

    def _interrupt(self, trial: Trial) -> Ended | None:
        by_kind: dict[str, Callable[[Trial], Ended | None]] = {
            "first": self._first,
            "update": self._update,
            "destroy": self._destroy,
            "stopped": self._stopped,
            "hung": self._hung,
            "full": self._full,
        }
        return by_kind[trial.kind](trial)

    def _first(self, trial: Trial) -> None:
        self._nothing()
        self._struck(UP, at_least(trial.resources))

    def _destroy(self, trial: Trial) -> None:
        self._struck(DESTROY, lambda now: now.resources <= trial.resources)

    def _update(self, trial: Trial) -> None:
        self._edit(not self.edited)
        # Few resources change: the number chooses which of the moments with something under way it is.
        left = trial.resources % 12
        seen: set[tuple[str, ...]] = set()

        def holds(now: Checkpoint) -> bool:
            if now.pending:
                seen.add(tuple(sorted(operation.name for operation in now.pending)))
            return len(seen) > left

        self._struck(UP, holds)

    def _stopped(self, trial: Trial) -> Ended:
        self._nothing()
        with self._deploying(at_least(trial.resources)) as process:
            self.estate.stop(trial.server)
            ended = self._ended(process)
        self.estate.up()
        return ended

    def _hung(self, trial: Trial) -> Ended:
        self._nothing()
        with self._deploying(at_least(trial.resources)) as process:
            members = self.estate.processes(trial.server)
            for member in members:
                member.suspend()
            try:
                return self._ended(process)
            finally:
                for member in members:
                    member.resume()

    def _ended(self, process: "subprocess.Popen[bytes]") -> Ended:
        """Wait until a deployment without one of its servers ends by itself, and return how."""
        began = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDED_SECONDS)
        seconds, code = time.monotonic() - began, process.poll()
        return Ended(seconds, code, errors(self._log.read_text(encoding="utf-8", errors="replace")))

    @property
    def _log(self) -> Path:
        return self.folder.parent / "struck.log"

    def _full(self, trial: Trial) -> None:
        """Deploy with a state on a disk that is full before it is done: a file system of memory, for that run alone."""
        self._nothing()
        state = self.estate.state / "pulumi" / "state"
        sizes = (file.stat().st_size for file in state.rglob("*") if file.is_file())
        room = sum(-(-size // PAGE) for size in sizes) * PAGE // 1024 + ROOM + trial.resources
        script = (
            f'kept=$(mktemp -d) && cp -a "{state}/." "$kept" && mount -t tmpfs -o size={room}k,mode=700 none "{state}" '
            f'&& cp -a "$kept/." "{state}" && {{ pulumi {" ".join(UP)} --stack {SITE} --non-interactive; code=$?; '
            f'rm -rf "$kept"/* "$kept"/.pulumi && cp -a "{state}/." "$kept" && umount "{state}" '
            f'&& cp -a "$kept/." "{state}"; exit $code; }}'
        )
        command = ("unshare", "--map-root-user", "--mount", "sh", "-c", script)
        said = self._run(command, check=False)
        if "Updating" not in said:
            raise TrialError(command[:3], said)
        self.struck = "no space left on device" in said

    @contextlib.contextmanager
    def _deploying(self, moment: Moment) -> Iterator["subprocess.Popen[bytes]"]:
        """Give a running first `up` once it is at the moment, and end it."""
        with self._log.open("wb") as stream:
            process = subprocess.Popen(
                ("pulumi", *UP, "--stack", SITE, "--non-interactive"),
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        try:
            file = state_file(self.estate.state, SITE)
            wait_until(
                lambda: process.poll() is not None or moment(checkpoint(file)), RUN_SECONDS, "the moment"
            )
            self.struck = process.poll() is None
            yield process
        finally:
            if process.poll() is None:
                kill(process)

    def _struck(self, command: tuple[str, ...], moment: Moment) -> None:
        done = strike(
            ("pulumi", *command, "--stack", SITE, "--non-interactive"),
            self.folder,
            self._environment(),
            state_file(self.estate.state, SITE),
            moment,
            self._log,
            RUN_SECONDS,
        )
        self.struck = done.struck

    def _revived(self) -> tuple[str, ...]:
        """Start Vault again where it hangs: the cut-off deletion of an engine leaves its list of engines locked."""
        environment = self._environment() | self.estate.administration()
        client = Client(
            environment["VAULT_ADDR"],
            Path(environment["VAULT_CACERT"]),
            headers={"X-Vault-Token": environment["VAULT_TOKEN"]},
        )
        if client.answers("/v1/sys/mounts"):
            return ()
        return self._vault_again()

    def _vault_again(self) -> tuple[str, ...]:
        self.estate.stop("vault")
        self.estate.up()
        return ("vault",)

    def _restarted_after(self, done: list[dict[str, str]]) -> tuple[str, ...]:
        """Start Vault again where `recover` says to."""
        if not any(CUT_OFF in one["what"] for one in done):
            return ()
        return self._vault_again()

    def _recover(self) -> list[dict[str, str]]:
        text = self._run(("sitectl", "recover", SITE, "--yes", "--json"))
        done: list[dict[str, str]] = json.loads(text)["done"]
        return done

    def _nothing(self) -> None:
        """Take the site away, and begin as before a first deployment."""
        self._pulumi(*DESTROY)
        self._whole()

    def _whole(self) -> None:
        """Have the namespace there, and the rights in it, as an administrator would."""
        site = self._site()
        if not self.estate.has_namespace(site):
            self._pulumi(*UP, *(f"--target={urn}" for urn in namespace_urns(SITE)))
            self.estate.grant(site)

    def anew(self) -> None:
        """Make the lab anew, with an undisturbed deployment in it."""
        self.estate.down(purge=True)
        self.prepare()

    def _compared(self) -> tuple[str, ...]:
        """Return where the servers differ from an undisturbed deployment, once they have had their time."""
        expected = self.expected[self.edited]
        with contextlib.suppress(NotInTimeError):
            wait_until(lambda: not differences(expected, self._seen()), SETTLED_SECONDS, "the servers")
        return tuple(differences(expected, self._seen()))

    def _seen(self) -> Fingerprint:
        administrator = self.estate.kafka_administrator()
        environment = self._environment() | self.estate.administration()
        client = AdminClient(
            {
                "bootstrap.servers": environment["KAFKA_BOOTSTRAP"],
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": administrator.user,
                "sasl.password": administrator.password_file.read_text(),
                "ssl.ca.location": environment["IOT_BROKER_CA_FILE"],
                "log_level": 0,
            }
        )
        return fingerprint(self._site(), environment, client)

    def _site(self) -> Site:
        return load_site(self.folder / "stacks", SITE)

    def _edit(self, edited: bool) -> None:
        text = (self.estate.root / "stacks" / "sites" / f"{SITE}.yaml").read_text(encoding="utf-8")
        for before, after in EDITS.items() if edited else ():
            text = text.replace(before, after, 1)
        (self.folder / "stacks" / "sites" / f"{SITE}.yaml").write_text(text, encoding="utf-8")
        self.edited = edited

    def _pulumi(self, *arguments: str) -> None:
        self._run(("pulumi", *arguments, "--stack", SITE, "--non-interactive"))

    def _run(self, command: tuple[str, ...], *, check: bool = True) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        if check and done.returncode:
            raise TrialError(command, done.stdout + done.stderr)
        return done.stdout + (done.stderr if not check else "")

    def _environment(self) -> dict[str, str]:
        return for_child(self.estate.environment())


def at_least(resources: int) -> Moment:
    """Strike when the state has so many resources and something is under way."""
    return lambda now: now.resources >= resources and bool(now.pending)
