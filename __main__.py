"""The program of every stack: read the site that the stack is named after, compose it, export what it gives."""

import os
from pathlib import Path

import pulumi

from components import approvals, dashboard_port, interrupted, promotions, protected, replicants, vault_moved
from components.deployed import Deployed, UnreadableOutputsError
from components.settings import KEYS, Settings, SettingsErrors
from components.site import IotSite
from model import SiteErrors, contracts, load_site, report

PROGRAM = Path(__file__).parent
# A review looks at a change's data with the program of the protected branch (pipelines/change.py).
STACKS = Path(os.environ.get("IOT_BROKER_STACKS") or PROGRAM / "stacks")
REFUSALS = (
    SettingsErrors,
    UnreadableOutputsError,
    approvals.UnapprovedChangeError,
    interrupted.InterruptedDeploymentError,
    promotions.LostRecordError,
    promotions.UnapprovedRecordError,
    protected.ProtectedBranchError,
    replicants.AbandonedReplicantsError,
    vault_moved.LoginsNotMovedError,
    dashboard_port.MovedDashboardError,
)


def main() -> None:
    """Deploy the site; a site or configuration that is not right stops it before anything is touched."""
    last = interrupted.LastDeployment(PROGRAM, pulumi.get_stack())
    try:
        site = load_site(STACKS, pulumi.get_stack())
        configuration = pulumi.Config("iot-broker")
        settings = Settings.read({key: value for key in KEYS if (value := configuration.get(key))})
        contracts.check(STACKS, site)
        approvals.check(site)
        deployed = Deployed()
        judge = protected.judge(PROGRAM, STACKS)
        chain = promotions.check(STACKS, site, deployed, judge, preview=pulumi.runtime.is_dry_run())
        replicants.check(site, deployed)
        vault_moved.check(site, deployed)
        dashboard_port.check(site, deployed)
        interrupted.check(site.name, last)
    except SiteErrors as errors:
        raise pulumi.RunError(report(errors.errors)) from None
    except REFUSALS as errors:
        raise pulumi.RunError(str(errors)) from None
    for name, value in IotSite(site.name, site, settings).outputs.items():
        pulumi.export(name, value)
    pulumi.export(promotions.OUTPUT, promotions.as_output(chain))
    pulumi.export(replicants.OUTPUT, replicants.as_output(site))
    pulumi.export(vault_moved.OUTPUT, vault_moved.OWNER)


main()
