"""What runbooks look at is looked at, at the lab's site: each command finds the kinds and names that it asks for.

Not run: what changes something (its shell is held by tests/unit/runbooks); what only a container answers, for pods of
the lab have none (`ctl` is held against EMQX's own commands there); what needs a listener, or a file of one's own.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shell import REPOSITORY, Shell
from tests.support.walk import commands

PAGES = sorted((REPOSITORY / "runbooks").glob("*.md"))
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
DEFINES = re.compile(r"[a-z_]+\(\) \{|[A-Z]+=[\w.$-]+$|(?:DOMAIN|BOOTSTRAP|POD|CLAIM|SIZE|SET)=\$\(k get")
READS = re.compile(
    r"(?:k|kubectl --namespace kafka|kubectl) (?:get|describe) |vault (?:read (?!.*rotate)|status|list)|vault_get "
    r"|sitectl "
)
# Asked for by its beginning, and why it is not run.
NOT_HERE = {
    "k get persistentvolumeclaim --watch": "watches until an operator ends it",
    "k get emqxes.v2": "is of the enterprise edition's operator 2.3",
    "k get secret broker-node-cookie": "is the operator's own Secret, which the lab's operator does not make",
    "k get statefulset": "names a set by a variable of the step before",
}
# Pages that look at the broker's own answers and logs, or that only change something.
EMQX_ALONE = {
    *("BrokerConfigurationDrifts", "BrokerConnectionsNearLimit", "BrokerDropsMessages", "BrokerOverloaded"),
    *("BrokerRefusesClients", "BrokerReplicationLags", "BrokerSessionsNearPlan", "ClientsBanned"),
    *(
        "IncumbentBridgeLosesMessages",
        "RecordsNotMade",
        "SomeRecordsRefused",
        "authority-rotation",
        "stolen-device",
    ),
}
PLACEHOLDER = re.compile(r"\b[A-Z]+_[A-Z_]+\b(?<!VAULT_ADDR)(?<!VAULT_CACERT)")
SHIM = """#!/bin/bash
real=$(PATH=${{PATH#*:}} command -v {program})
case " $* " in *" exec "*|*" logs "*|*" top "*) exit 0 ;; esac
"$real" "$@"; code=$?
[ $code = 0 ] || echo "$code: {program} $*" >> "$RUNBOOK_FAILURES"
exit $code
"""


def steps(page: Path) -> Iterator[str]:
    """Return a page's commands in their order, with the lab's site for the page's."""
    for indent, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        text = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
        yield from commands(re.sub(r"^SITE=\S+", "SITE=eagle-ford", text, flags=re.MULTILINE))


def reads(page: Path) -> tuple[list[str], list[str]]:
    """Return what a page defines, and what it looks at."""
    every = list(steps(page))
    looked = [
        step
        for step in every
        if READS.match(step) and not PLACEHOLDER.search(step) and not step.startswith(tuple(NOT_HERE))
    ]
    return [step for step in every if DEFINES.match(step) and not PLACEHOLDER.search(step)], looked


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs that write down how the real ones ended: a pipe hides that."""
    folder = tmp_path_factory.mktemp("programs")
    for program in ("kubectl", "vault", "sitectl", "curl"):
        file = folder / program
        file.write_text(SHIM.format(program=program))
        file.chmod(0o755)
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if reads(page)[1]], ids=lambda page: page.stem)
def test_what_a_runbook_looks_at_is_there(
    page: Path, deployed: Shell, programs: Path, tmp_path: Path
) -> None:
    defined, looked = reads(page)
    failures = tmp_path / "failures"
    path = f"{programs}{os.pathsep}{deployed.environment.get('PATH', os.environ['PATH'])}"
    logins = {name: deployed.administration[name] for name in ("KUBECONFIG", "VAULT_TOKEN")}
    variables = {**logins, "PATH": path, "RUNBOOK_FAILURES": str(failures)}
    script = "\n".join([*defined, *looked])
    outcome = deployed.run("bash", "-c", f"cd {tmp_path}\n{script}", check=False, variables=variables)
    assert not failures.exists(), f"{failures.read_text()}\n{outcome.text}"
    assert "command not found" not in outcome.err, outcome.err


def test_the_other_runbooks_ask_emqx_alone() -> None:
    assert {page.stem for page in PAGES if not reads(page)[1]} == EMQX_ALONE
