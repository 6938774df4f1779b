"""The pipeline's own scripts carry a site from pilot through parallel to cutover and back: a bare repository, no forge.

What was not reviewed, what moved since, and what nobody approved is not deployed.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.estate import Estate
from lab.history import tell
from lab.waiting import wait_until
from model import load_site
from model.edit import set_value
from tests.support import promotions, servers
from tests.support.promotions import git, sitectl
from tests.support.shell import Outcome, Shell, copy_program

SITE = "baytown"
OVERRIDE = ("--override", "The unit's turnaround cannot wait", "--approver", "d-okafor")
PARALLEL = "in-parallel"
APPROVE = ("--by", "d-okafor", "--by", "a-lindqvist")


@pytest.fixture(scope="module")
def engineer(shell: Shell, estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A site engineer's clone of a bare repository, with the site deployed, and evidence for its promotion."""
    here = replace(shell, folder=copy_program(tmp_path_factory.mktemp("engineer")))
    promotions.changeable(here.folder / "stacks" / "sites" / f"{SITE}.yaml")
    promotions.add_signer(here)
    here.up(SITE)
    site = load_site(here.folder / "stacks", SITE)
    tell(estate, site, "good", 40, datetime.now(UTC))
    for name, data in promotions.reports(site).items():
        sitectl(here, "sign", str(promotions.write_report(here.folder / "stacks", SITE, name, data)))
    promotions.checkout(here)
    bare = tmp_path_factory.mktemp("bare") / "program.git"
    git(here, "clone", "--quiet", "--bare", ".", str(bare))
    git(here, "remote", "add", "origin", str(bare))
    git(here, "fetch", "--quiet", "origin")
    serve(here)
    yield here
    here.pulumi("destroy", "--yes", "--skip-preview", "--stack", SITE)


def serve(engineer: Shell, check: bool = True) -> Outcome:
    """Let the runner inside the site look once."""
    bare = git(engineer, "remote", "get-url", "origin").out.strip()
    work = engineer.folder.parent / "runner"
    command = ("python", "-m", "pipelines", "runner", bare, "--work", str(work), "--site", SITE)
    return engineer.run(*command, check=check)


def change(engineer: Shell, name: str, message: str) -> str:
    """Commit what was edited to a change's branch and push it."""
    git(engineer, "checkout", "--quiet", "-B", f"change/{name}")
    commit = promotions.commit(engineer, message)
    git(engineer, "push", "--quiet", "--force", "origin", f"change/{name}")
    return commit


def merge(engineer: Shell, name: str) -> None:
    """Merge the change, by a merge commit, and push."""
    git(engineer, "checkout", "--quiet", "main")
    git(engineer, "merge", "--quiet", "--no-ff", "--message", f"Merge {name}", f"change/{name}")
    git(engineer, "push", "--quiet", "origin", "main")


def promote(engineer: Shell, *arguments: str) -> None:
    git(engineer, "checkout", "--quiet", "main")
    sitectl(engineer, *arguments)


def phase(engineer: Shell) -> str:
    return str(engineer.outputs(SITE)["phase"])


def test_a_promotion_is_reviewed_approved_merged_and_deployed(engineer: Shell) -> None:
    servers_agree(engineer)
    promote(engineer, "promote", SITE, "--to", "parallel")
    change(engineer, "parallel", "To parallel")
    reviewed = serve(engineer)
    assert "may be merged when it is approved" in reviewed.out
    assert f"| {SITE} | its phase | " in reviewed.out
    assert "| none |" in reviewed.out
    assert phase(engineer) == "pilot"
    sitectl(engineer, "approve", SITE, *APPROVE)
    change(engineer, "parallel", "Approved")
    merge(engineer, "parallel")
    assert f"wave 1  {SITE}  deployed" in serve(engineer).out
    assert phase(engineer) == "parallel"
    git(engineer, "tag", PARALLEL)


def test_what_nobody_approved_is_not_deployed(engineer: Shell) -> None:
    promote(engineer, "promote", SITE, "--to", "cutover", *OVERRIDE)
    change(engineer, "cutover", "To cutover")
    serve(engineer)
    merge(engineer, "cutover")
    refused = serve(engineer, check=False)
    assert refused.code == 1
    assert "record 2 has 0 of 2 approvals" in refused.out
    assert phase(engineer) == "parallel"


def test_the_author_cannot_approve(engineer: Shell) -> None:
    outcome = sitectl(engineer, "approve", SITE, "--by", "d-okafor", "--by", "Site Engineer", check=False)
    assert outcome.code == 1
    assert "Site Engineer does not count" in outcome.err


def test_a_state_that_moved_since_the_review_is_refused(engineer: Shell, tmp_path: Path) -> None:
    sitectl(engineer, "approve", SITE, *APPROVE)
    change(engineer, "approvals", "Approvals")
    merge(engineer, "approvals")
    # Somebody deploys from another checkout, past the pipeline.
    git(engineer, "worktree", "add", "--quiet", "--detach", str(tmp_path / "elsewhere"), PARALLEL)
    elsewhere = replace(engineer, folder=tmp_path / "elsewhere")
    file = site_file(elsewhere)
    file.write_text(set_value(file.read_text(), ("platform", "prometheus_namespace"), "observability"))
    elsewhere.up(SITE)
    refused = serve(engineer, check=False)
    assert refused.code == 1
    assert "the stack's state moved since the review" in refused.out
    assert phase(engineer) == "parallel"


def test_reviewed_again_it_is_deployed(engineer: Shell) -> None:
    runner = replace(engineer, folder=engineer.folder.parent / "runner")
    runner.run(
        "python",
        "-m",
        "pipelines",
        "review",
        "--push",
        "--against",
        "refs/iot-broker/released",
        "--site",
        SITE,
    )
    assert f"wave 1  {SITE}  deployed" in serve(engineer).out
    assert phase(engineer) == "cutover"


def test_files_that_nobody_reviewed_are_not_deployed(engineer: Shell) -> None:
    git(engineer, "checkout", "--quiet", "main")
    file = site_file(engineer)
    file.write_text(file.read_text().replace("title: ", "title: The ", 1))
    promotions.commit(engineer, "Straight to main")
    git(engineer, "push", "--quiet", "origin", "main")
    refused = serve(engineer, check=False)
    assert (refused.code, "nobody has reviewed exactly these files" in refused.out) == (1, True)
    # What is reviewed now is what the rollback below is compared with.
    git(engineer, "revert", "--no-edit", "HEAD")
    git(engineer, "push", "--quiet", "origin", "main")
    assert serve(engineer).code == 0


def test_a_rollback_needs_a_review_and_no_approval(engineer: Shell) -> None:
    promote(engineer, "rollback", SITE)
    change(engineer, "back", "Back to parallel")
    serve(engineer)
    merge(engineer, "back")
    assert f"{SITE}  deployed" in serve(engineer).out
    assert phase(engineer) == "parallel"


def test_drift_is_told_on_one_branch_that_goes_when_it_is_gone(engineer: Shell) -> None:
    site = load_site(engineer.folder / "stacks", SITE)
    look = ("python", "-m", "pipelines", "drift", "--push", "--site", SITE)
    engineer.kubectl(
        "--namespace", site.namespace, "label", "service/opa", "iot-broker/site=elsewhere", "--overwrite"
    )
    for _ in range(2):
        found = engineer.run(*look, check=False)
        assert found.code == 1
        assert "iot-broker/site" in found.out
    git(engineer, "fetch", "--quiet", "origin")
    assert git(engineer, "rev-list", "--count", "origin/main..origin/drift").out.strip() == "1"
    engineer.pulumi("up", "--refresh", "--yes", "--skip-preview", "--stack", SITE)
    assert engineer.run(*look).code == 0
    assert not git(engineer, "ls-remote", "--heads", "origin", "drift").out


def site_file(shell: Shell) -> Path:
    return shell.folder / "stacks" / "sites" / f"{SITE}.yaml"


def servers_agree(engineer: Shell) -> None:
    """Wait until Prometheus has evaluated each rule of the site."""
    prometheus = servers.prometheus(engineer)

    def evaluated() -> bool:
        groups = prometheus.get("/rules")["data"]["groups"]
        own = [rule for group in groups if SITE in group["name"] for rule in group["rules"]]
        return bool(own) and all(rule["health"] == "ok" for rule in own)

    wait_until(evaluated, 120, "every rule's evaluation")
