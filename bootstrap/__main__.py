"""The program of a site's bootstrap, which Vault's administrator runs: policies and logins, from the site's data."""

import os
from pathlib import Path

import pulumi

from components import interrupted
from components.settings import KEYS, Settings, SettingsErrors
from components.vault_access import access
from model import SiteErrors, load_site, report

PROGRAM = Path(__file__).parents[1]
# A review looks at a change's data with the program of the protected branch (pipelines/change.py).
STACKS = Path(os.environ.get("IOT_BROKER_STACKS") or PROGRAM / "stacks")


def main() -> None:
    """Make what the site's stack and its machines need in Vault; data that are not right stop it before anything."""
    last = interrupted.LastDeployment(PROGRAM / "bootstrap", pulumi.get_stack())
    try:
        site = load_site(STACKS, pulumi.get_stack())
        configuration = pulumi.Config("iot-broker")
        values = {key: value for key in KEYS if (value := configuration.get(key))}
        settings = Settings.read(values, PROGRAM)
        interrupted.check(site.name, last, bootstrap=True)
    except SiteErrors as errors:
        raise pulumi.RunError(report(errors.errors)) from None
    except (SettingsErrors, interrupted.InterruptedDeploymentError) as errors:
        raise pulumi.RunError(str(errors)) from None
    access(site, settings)
    pulumi.export("site", site.name)


main()
