"""Refuses to deploy upon an interrupted deployment: its state does not have all that it made on the servers."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SECONDS = 60.0
_TRIES = 3
_NAMED = 3


class InterruptedDeploymentError(Exception):
    """The last deployment has not ended: `under_way` are its operations then, as `creating Job eagle-ford-probe`."""

    def __init__(self, site: str, under_way: Sequence[str], *, bootstrap: bool) -> None:
        named = [*under_way[:_NAMED], *(["…"] if len(under_way) > _NAMED else [])]
        option = " --bootstrap" if bootstrap else ""
        super().__init__(
            f"{site}: a deployment was interrupted, or is under way: how these end is not known: {', '.join(named)}\n"
            f"    wait where it is under way, else run `sitectl recover {site}{option}`; then this again "
            "(runbooks/interrupted-deployment.md)"
        )
        self.site = site
        self.under_way = under_way


class LastDeployment:
    """The state of a stack, which `pulumi` reads while the program looks at other things.

    The engine gives a program the resources of its state, and not what was under way.
    """

    def __init__(self, folder: Path, stack: str) -> None:
        pool = ThreadPoolExecutor(1)
        self._asked = pool.submit(_exported, folder, stack)
        pool.shutdown(wait=False)

    def under_way(self) -> list[str]:
        """Return the operations under way when the last deployment ended; none where `pulumi` cannot say it."""
        pending = (self._asked.result().get("deployment") or {}).get("pending_operations") or []
        return [
            f"{entry['type']} {entry['resource']['type'].rpartition(':')[2]} "
            f"{entry['resource']['urn'].rpartition('::')[2]}"
            for entry in pending
            # A provider is on no server, and this very run may be making one at this moment.
            if not entry["resource"]["type"].startswith("pulumi:providers:")
        ]


def check(site: str, last: LastDeployment, *, bootstrap: bool = False) -> None:
    """Look that the last deployment came to its end; raises InterruptedDeploymentError."""
    if under_way := last.under_way():
        raise InterruptedDeploymentError(site, under_way, bootstrap=bootstrap)


def _exported(folder: Path, stack: str) -> Mapping[str, Any]:
    command = ("pulumi", "stack", "export", "--stack", stack, "--non-interactive")
    for _ in range(_TRIES):
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
            )
            if done.returncode == 0:
                found: dict[str, Any] = json.loads(done.stdout)
                return found
        # The engine writes beside a reading, and what it writes in place is half written for a moment.
        except ValueError:
            continue
        except (OSError, subprocess.TimeoutExpired):
            break
    return {}
