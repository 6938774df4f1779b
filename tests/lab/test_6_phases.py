"""A site goes from pilot through parallel to cutover and back, by promotions that Vault signs and Prometheus backs.

The previews of the whole way take nothing away, and neither does `up`; what is wrong with the evidence is refused.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import names
from lab.estate import Estate
from lab.history import tell
from lab.story import Story
from lab.waiting import wait_until
from model import Site, load_site
from tests.support import promotions, servers
from tests.support.promotions import sitectl
from tests.support.shell import Outcome, Shell

DAYS = 40
OVERRIDE = ("--override", "The field's shutdown cannot wait", "--approver", "d-okafor")
PEOPLE = ("a-lindqvist", "m-reyes")


@pytest.fixture(scope="module")
def checkout(deployed: Shell, site: Site) -> Iterator[Shell]:
    """The shell in the copied program, which is a git checkout now; the site's file is put back afterwards.

    The site is protected on the whole way: no phase change takes away or replaces what the protection holds.
    """
    file = site_file(deployed, site)
    kept = file.read_text()
    file.write_text(kept.replace("protect: false", "protect: true"))
    promotions.changeable(file)
    promotions.add_signer(deployed)
    promotions.checkout(deployed)
    deployed.up(site.name)
    yield deployed
    file.write_text(kept)
    deployed.up(site.name)


@pytest.fixture(scope="module")
def ready(checkout: Shell, site: Site, estate: Estate) -> Shell:
    """The same with signed reports, and a hundred good days in Prometheus."""
    remember(checkout, estate, "good", site)
    for name, data in promotions.reports(site).items():
        report = promotions.write_report(checkout.folder / "stacks", site.name, name, data)
        sitectl(checkout, "sign", str(report))
    promotions.commit(checkout, "Reports")
    return checkout


def remember(shell: Shell, estate: Estate, story: Story, site: Site) -> None:
    """Give Prometheus a past of the site, and wait until it has evaluated each rule on it."""
    tell(estate, load_site(shell.folder / "stacks", site.name), story, DAYS, datetime.now(UTC))
    prometheus = servers.prometheus(shell)

    def evaluated() -> bool:
        groups = prometheus.get("/rules")["data"]["groups"]
        return all(rule["health"] == "ok" for group in groups for rule in group["rules"])

    wait_until(evaluated, 120, "every rule's evaluation")


def site_file(shell: Shell, site: Site) -> Path:
    return shell.folder / "stacks" / "sites" / f"{site.name}.yaml"


def record_file(shell: Shell, site: Site) -> Path:
    return shell.folder / "stacks" / "promotions" / site.name / "0001-parallel.yaml"


def gates(outcome: Outcome) -> dict[str, dict[str, Any]]:
    return {gate["gate"]: gate for gate in json.loads(outcome.out)["gates"]}


def dry_run(shell: Shell, site: Site, to: str = "parallel", code: int = 1) -> dict[str, dict[str, Any]]:
    outcome = sitectl(shell, "promote", site.name, "--to", to, "--dry-run", "--json", check=False)
    assert outcome.code == code, outcome.text
    return gates(outcome)


def test_without_evidence_every_reason_is_told_and_nothing_is_written(checkout: Shell, site: Site) -> None:
    before = site_file(checkout, site).read_text()
    outcome = sitectl(checkout, "promote", site.name, "--to", "parallel", check=False)
    assert outcome.code == 1
    for gate in ("service-level", "routes", "policy", "training"):
        assert f"\n{gate}: " in outcome.out
    assert "Nothing was written" in outcome.out
    assert site_file(checkout, site).read_text() == before
    assert not (checkout.folder / "stacks" / "promotions" / site.name).exists()


def test_with_good_days_and_signed_reports_every_gate_passes(ready: Shell, site: Site) -> None:
    found = dry_run(ready, site, code=0)
    assert {gate["passed"] for gate in found.values()} == {True}
    assert found["soak"]["figure"] == f"{promotions.STARTED_DAYS_AGO}d"


@pytest.mark.parametrize(("story", "words"), [("breached", "the broker served"), ("gap", "not measured")])
def test_a_bad_month_is_refused_with_its_figure(
    ready: Shell, site: Site, estate: Estate, story: Story, words: str
) -> None:
    remember(ready, estate, story, site)
    try:
        gate = dry_run(ready, site)["service-level"]
        assert not gate["passed"]
        assert words in gate["reason"]
        assert gate["figure"].startswith("9")
    finally:
        remember(ready, estate, "good", site)


def test_a_prometheus_that_is_away_is_a_gate_that_does_not_pass(
    ready: Shell, site: Site, tmp_path: Path
) -> None:
    settings = yaml.safe_load(Path(ready.environment["PULUMI_OPTION_CONFIG_FILE"]).read_text())
    settings["config"]["iot-broker:prometheusUrl"] = "https://127.0.0.1:1"
    elsewhere = tmp_path / "settings.yaml"
    elsewhere.write_text(yaml.safe_dump(settings))
    shell = replace(ready, environment={**ready.environment, "PULUMI_OPTION_CONFIG_FILE": str(elsewhere)})
    found = dry_run(shell, site)
    for gate in ("service-level", "dashboards", "alerts"):
        assert not found[gate]["passed"]
        assert "does not answer at https://127.0.0.1:1" in found[gate]["reason"]
    assert found["policy"]["passed"]


def test_what_is_not_committed_is_not_promoted(ready: Shell, site: Site) -> None:
    stray = ready.folder / "stacks" / "reports" / site.name / ".draft.yaml"
    stray.write_text("hm")
    outcome = sitectl(ready, "promote", site.name, "--to", "parallel", check=False)
    stray.unlink()
    assert (outcome.code, "not committed" in outcome.err) == (1, True)
    assert not record_file(ready, site).exists()


def test_an_edited_report_does_not_count(ready: Shell, site: Site) -> None:
    report = ready.folder / "stacks" / "reports" / site.name / "policy.yaml"
    kept = report.read_text()
    report.write_text(kept.replace("resources: 90", "resources: 91"))
    outcome = sitectl(ready, "validate", site.name, check=False)
    assert outcome.code == 1
    assert "policy.yaml" in outcome.err
    assert "it was edited" in outcome.err
    report.write_text(kept)


def test_a_promotion_is_one_commits_worth_and_up_keeps_everything(
    ready: Shell, site: Site, estate: Estate
) -> None:
    before = identities(ready, site)
    outcome = sitectl(ready, "promote", site.name, "--to", "parallel", "--json")
    written = json.loads(outcome.out)["record"]
    changed = promotions.git(ready, "status", "--porcelain", "--untracked-files=all").out.split()[1::2]
    assert sorted(changed) == [
        f"stacks/promotions/{site.name}/0001-parallel.yaml",
        f"stacks/sites/{site.name}.yaml",
    ]
    assert sitectl(ready, "validate", site.name).code == 0
    # What is to be approved can be looked at, and is not deployed.
    assert ready.preview(site.name)
    refused = ready.up(site.name, check=False)
    assert (refused.code != 0, "record 1 has 0 of 2 approvals" in refused.text) == (True, True)
    assert "Traceback" not in refused.text
    promotions.approve(ready, estate, site.name, *PEOPLE)
    promotions.commit(ready, "To parallel")
    keeps_everything(ready, site, "parallel", before)
    assert ready.outputs(site.name)["promotions"] == {"head": written["content"], "sequence": 1}


def test_a_phase_change_does_not_restart_a_pod(ready: Shell, site: Site) -> None:
    broker = ready.get("emqx", names.BROKER, site.namespace)
    assert ready.get("namespace", site.namespace)["metadata"]["labels"]["iot-broker/phase"] == "parallel"
    assert broker["metadata"]["generation"] == 1 or "phase" not in json.dumps(broker["spec"]["coreTemplate"])


def test_an_edited_record_is_found_by_validate_and_by_up(ready: Shell, site: Site) -> None:
    record = record_file(ready, site)
    kept = record.read_text()
    record.write_text(kept.replace(f"{promotions.STARTED_DAYS_AGO}d", "365d", 1))
    for outcome in (
        sitectl(ready, "validate", check=False),
        ready.pulumi("preview", "--stack", site.name, check=False),
        ready.up(site.name, check=False),
    ):
        assert outcome.code != 0
        assert "the record was edited" in outcome.text
        assert "Traceback" not in outcome.text
    record.write_text(kept)


def test_a_record_that_is_cut_off_is_found_by_validate_and_by_up(ready: Shell, site: Site) -> None:
    record = record_file(ready, site)
    approvals = record.with_name("0001-parallel.approvals.yaml")
    kept, given, text = record.read_text(), approvals.read_text(), site_file(ready, site).read_text()
    record.unlink()
    approvals.unlink()
    site_file(ready, site).write_text(text.replace("phase: parallel", "phase: pilot"))
    outcome = sitectl(ready, "validate", site.name, check=False)
    assert (outcome.code, "records are never removed" in outcome.err) == (1, True)
    refused = ready.up(site.name, check=False)
    assert refused.code != 0
    assert "the stack was last deployed with the record sha256:" in refused.text
    assert "Traceback" not in refused.text
    record.write_text(kept)
    approvals.write_text(given)
    site_file(ready, site).write_text(text)


def test_two_branches_that_both_promote_are_refused_at_merge(ready: Shell, site: Site) -> None:
    promotions.git(ready, "checkout", "--quiet", "-b", "other", "HEAD~1")
    # The first branch's promotion is deployed already: its rules are not those of this branch's data.
    sitectl(ready, "promote", site.name, "--to", "parallel", *OVERRIDE)
    promotions.commit(ready, "To parallel, on another branch")
    outcome = sitectl(ready, "validate", "--against", "main", check=False)
    assert outcome.code == 1
    assert "rebase and promote again" in outcome.err
    promotions.git(ready, "checkout", "--quiet", "main")
    promotions.git(ready, "branch", "--quiet", "-D", "other")


def test_a_half_written_promotion_is_told_and_finished(ready: Shell, site: Site) -> None:
    text = site_file(ready, site).read_text()
    site_file(ready, site).write_text(text.replace("phase: parallel", "phase: pilot"))
    outcome = sitectl(ready, "validate", site.name, check=False)
    assert "the change is half made" in outcome.err
    sitectl(ready, "promote", site.name, "--to", "parallel")
    assert site_file(ready, site).read_text() == text


def test_a_gate_that_does_not_pass_is_overridden_loudly_and_on_record(
    ready: Shell, site: Site, estate: Estate
) -> None:
    before = identities(ready, site)
    assert not dry_run(ready, site, "cutover")["soak"]["passed"]
    outcome = sitectl(ready, "promote", site.name, "--to", "cutover", *OVERRIDE)
    assert "OVERRIDE: eagle-ford continues although soak did not pass" in outcome.err
    promotions.approve(ready, estate, site.name, *PEOPLE)
    refused = ready.up(site.name, check=False)
    assert "no approval of d-okafor, who is to have overridden a gate" in refused.text
    assert "that is enough" in promotions.approve(ready, estate, site.name, "d-okafor").out
    promotions.commit(ready, "To cutover")
    keeps_everything(ready, site, "cutover", before)
    story = sitectl(ready, "history", site.name).out
    assert "OVERRIDE by d-okafor: The field's shutdown cannot wait" in story


def test_a_retirement_ends_the_way_back(ready: Shell, site: Site, tmp_path: Path) -> None:
    """In a copy: the stack goes on without it."""
    folder = tmp_path / "program"
    shutil.copytree(ready.folder, folder)
    shell = replace(ready, folder=folder)
    early = sitectl(shell, "retire", site.name, check=False)
    assert (early.code, "the site may go back until" in early.out) == (1, True)
    sitectl(shell, "retire", site.name, *OVERRIDE)
    assert load_site(folder / "stacks", site.name).bridge == "none"
    assert sitectl(shell, "validate", site.name).code == 0
    refused = sitectl(shell, "rollback", site.name, check=False)
    assert (refused.code, "nothing to go back to" in refused.err) == (1, True)
    assert "retired its incumbent broker" in sitectl(shell, "history", site.name).out


def test_a_rollback_says_what_it_undoes_and_keeps_what_data_relies_on(ready: Shell, site: Site) -> None:
    before = identities(ready, site)
    relied = load_site(ready.folder / "stacks", site.name).retention.hot
    for phase in ("parallel", "pilot"):
        outcome = sitectl(ready, "rollback", site.name)
        assert "This does not undo:" in outcome.out
        promotions.commit(ready, f"Back to {phase}")
        now = load_site(ready.folder / "stacks", site.name)
        assert (now.phase, now.retention.hot_in_effect) == (phase, relied)
        keeps_everything(ready, site, phase, before)
    assert [record["kind"] for record in records(ready, site)] == [
        "promotion",
        "promotion",
        "rollback",
        "rollback",
    ]


BRIDGE = ("eagle-ford-incumbent", "eagle-ford-incumbent-bridge")


def records(shell: Shell, site: Site) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(sitectl(shell, "history", site.name, "--json").out)["records"]
    return found


def keeps_everything(deployed: Shell, site: Site, phase: str, before: dict[str, str]) -> None:
    """Deploy the phase: the preview only updates, and afterwards everything is the same thing as before.

    But for the link to the incumbent, which comes and goes with the phases and holds nothing.
    """
    steps = deployed.preview(site.name)
    # A changed broker is asked anew by a new Job, whose pod is its own.
    lasting = [step for step in steps if not step.type_token.endswith(":Job")]
    assert {step.operation for step in lasting if step.name not in BRIDGE} == {"update"}, (phase, steps)
    assert {step.operation for step in steps if step.name in BRIDGE} <= {"create", "delete", "update"}
    pods = lasting_pods(deployed, site)
    deployed.up(site.name)
    assert deployed.outputs(site.name)["phase"] == phase
    assert deployed.preview(site.name) == []
    assert identities(deployed, site) == before, phase
    assert lasting_pods(deployed, site) == pods


def lasting_pods(deployed: Shell, site: Site) -> list[str]:
    """Return the ids of the site's pods, but for those of Jobs."""
    return [
        entry["metadata"]["uid"]
        for entry in deployed.all("pods", site.namespace)
        if all(owner["kind"] != "Job" for owner in entry["metadata"].get("ownerReferences", []))
    ]


def identities(deployed: Shell, site: Site) -> dict[str, str]:
    """Return what a server made up for each thing that must outlive every phase: it changes when the thing is new."""
    found = {"realm": servers.keycloak(deployed).get(f"/{site.name}")["id"]}
    vault = servers.vault(deployed)
    for authority in ("root", "issuing"):
        keys = vault.get(f"/pki-{site.name}-{authority}/config/issuers")["data"]
        found[f"{authority} CA"] = keys["default"]
    for kind, namespace in (("emqx", site.namespace), ("kafkatopics", None), ("kafkausers", None)):
        for entry in deployed.all(kind, namespace or site.streams.cluster.namespace):
            found[f"{kind} {entry['metadata']['name']}"] = entry["metadata"]["uid"]
    for entry in deployed.all("persistentvolumeclaims", site.namespace):
        found[f"claim {entry['metadata']['name']}"] = entry["metadata"]["uid"]
    return found
