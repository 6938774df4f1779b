"""What a promotion needs, made for tests: a git checkout, signers from the lab's Vault, and signed reports."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lab.estate import Estate
from model import Site
from model.datafile import file_text
from model.edit import set_value
from tests.support import servers
from tests.support.shell import Outcome, Shell

USES = ("promotion", "approval", "policy", "comparison", "routes", "training", "review")
ALWAYS = """  windows:
    - name: working-days
      days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]
      opens: "00:00"
      closes: "23:59"
      zone: Etc/UTC
"""
STARTED_DAYS_AGO = 100


def sitectl(shell: Shell, *arguments: str, check: bool = True) -> Outcome:
    """Run `sitectl`."""
    return shell.run("sitectl", *arguments, check=check)


def git(shell: Shell, *arguments: str, check: bool = True) -> Outcome:
    """Run `git` as somebody of the site."""
    who = ("-c", "user.name=Site Engineer", "-c", "user.email=site.engineer@field.example")
    return shell.run("git", *who, *arguments, check=check)


def commit(shell: Shell, message: str) -> str:
    """Commit everything and return the commit's name."""
    git(shell, "add", "--all")
    git(shell, "commit", "--quiet", "--message", message)
    return git(shell, "rev-parse", "HEAD").out.strip()


def checkout(shell: Shell) -> None:
    """Make the shell's folder a git checkout."""
    git(shell, "init", "--quiet", "--initial-branch=main")
    git(shell, "config", "user.name", "Site Engineer")
    git(shell, "config", "user.email", "site.engineer@field.example")
    commit(shell, "The site as it is")


def changeable(file: Path) -> None:
    """Have a site begin long ago, and let it be changed at any hour of any day."""
    text = file.read_text(encoding="utf-8")
    began = (datetime.now(UTC) - timedelta(days=STARTED_DAYS_AGO)).date()
    text, started = re.subn(r"(?m)^started: .*$", f"started: {began}", text)
    text, windows = re.subn(r"(?ms)^change:\n.*?(?=^\S)", f"change:\n{ALWAYS}\n", text)
    assert (started, windows) == (1, 1)
    # Rules are evaluated as often: what waits for them waits for seconds.
    text = set_value(text, ("monitoring", "scrape_interval"), "5s")
    file.write_text(text, encoding="utf-8")


def add_signer(shell: Shell) -> None:
    """Let the lab's transit keys sign everything, but for approvals: people sign them by their own names."""
    uses = [argument for use in USES if use not in ("approval", "review") for argument in ("--use", use)]
    sitectl(shell, "signers", "add", "promotion", "--path", "transit/promotion", *uses)
    sitectl(shell, "signers", "add", "reviews", "--path", "transit/review", "--use", "review")
    people = ("signers", "add", "people", "--keyless", "--path", "signing/promoter", "--use", "approval")
    sitectl(shell, *people, "--identity", "*@field.example")


def login(shell: Shell, estate: Estate, name: str) -> dict[str, str]:
    """Sign a person in to Vault with their own password; return the variables of their shell."""
    password = json.loads((estate.state / "vault" / "people.json").read_text())[name]
    reply = servers.vault(shell).ask("POST", f"/auth/people/login/{name}", {"password": password})
    assert reply.status == 200, reply.text
    return {"VAULT_TOKEN": reply.json["auth"]["client_token"]}


def approve(shell: Shell, estate: Estate, site: str, *names: str) -> Outcome:
    """Have people approve a site's last record, each by their own login; return what the last of them was told."""
    for name in names:
        variables = login(shell, estate, name)
        outcome = shell.run("sitectl", "approve", site, "--by", name, check=False, variables=variables)
        assert outcome.code == 0 or "approved by" in outcome.out, outcome.text
    return outcome


def moment(days_ago: float = 0) -> str:
    """Return a moment of the past as data files write it."""
    return (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(days_ago: int) -> str:
    """Return a day of the past."""
    return str((datetime.now(UTC) - timedelta(days=days_ago)).date())


def reports(site: Site) -> dict[str, dict[str, Any]]:
    """Return reports with which every gate that reads one passes."""
    head = {"site": site.name, "made_by": "the tests", "made_at": moment(0.01)}
    owners = [{"name": owner.name, "role": owner.role} for owner in site.owners]
    return {
        "policy": {
            "format": "iot-broker/policy-report/1",
            **head,
            "commit": "0" * 40,
            "rules": 12,
            "resources": 90,
            "violations": [
                {"rule": "labels", "severity": "warn", "resource": "ConfigMap/a", "message": "has no owner"}
            ],
        },
        "comparison": {
            "format": "iot-broker/comparison-report/1",
            **head,
            "days": [
                {
                    "day": day(ago),
                    "messages": 4_000_000,
                    "lost": 12,
                    "duplicates": 300,
                    "reordered": 0,
                    "incumbent_latency_ms": 120,
                    "broker_latency_ms": 98,
                }
                for ago in range(15, 0, -1)
            ],
        },
        "routes": {
            "format": "iot-broker/routes-report/1",
            **head,
            "routes": [
                {
                    "severity": severity,
                    "receiver": "control desk",
                    "sent_at": moment(2),
                    "confirmed_at": moment(1.9),
                    "confirmed_by": "shift lead",
                }
                for severity in ("page", "ticket")
            ],
        },
        "training": {
            "format": "iot-broker/training-report/1",
            **head,
            "people": [
                {**owner, "course": "Running the broker", "passed": day(20), "trainer": "A. Lindqvist"}
                for owner in owners
            ],
        },
    }


def write_report(stacks: Path, site: str, name: str, data: dict[str, Any]) -> Path:
    """Write a report that nobody has signed yet."""
    file = stacks / "reports" / site / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(file_text(data, f"../../{name}-report.schema.json"), encoding="utf-8")
    return file
