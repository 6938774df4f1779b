"""`sitectl preflight SITE`: before anything is touched, is everything there that `pulumi up` will need?"""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from model.words import lines
from sitectl.checks import Finding


@click.command("preflight")
@click.argument("site")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(site: str, as_json: bool) -> None:
    """Check that SITE can be deployed: servers, APIs, versions and rights. Nothing is changed."""
    from components.settings import SettingsErrors
    from model import SiteErrors
    from sitectl import output, problems
    from sitectl.root import program_root
    from sitectl.settings import SettingsFileError

    try:
        with output.progress(f"looking at {site}'s servers"):
            findings = look(program_root(), site)
    except SiteErrors as error:
        problems.refuse_data(error.errors)
    except (SettingsErrors, SettingsFileError) as error:
        problems.refuse(str(error))
    failed = [finding for finding in findings if not finding.passed]
    if as_json:
        output.write_json(
            {"site": site, "passed": not failed, "findings": [_plain(entry) for entry in findings]}
        )
    else:
        rows = [(_mark(entry), entry.area, entry.what, entry.detail) for entry in findings]
        output.write_table(("", "area", "what", "found"), rows)
        for entry in failed:
            click.echo(lines(f"\n{entry.area}: {entry.what}: {entry.detail}\n  remedy: {entry.remedy}"))
        if unseen := [entry.what for entry in findings if not entry.looked]:
            click.echo(lines(f"\nNot looked at: {'; '.join(unseen)}."))
        click.echo(f"\n{_verdict(site, len(failed))}")
    sys.exit(1 if failed else 0)


def look(root: Path, site_name: str) -> list[Finding]:
    """Look at every server of the site, side by side.

    `root` is the program's folder. Raises `SettingsErrors`, `SettingsFileError` and `model.SiteErrors`.
    """
    from model import load_site
    from sitectl.checks import keycloak, kubernetes, pulumi, vault
    from sitectl.settings import load_settings

    site = load_site(root / "stacks", site_name)
    settings = load_settings(root, site_name)
    checks: tuple[Callable[[], list[Finding]], ...] = (
        lambda: pulumi.check(root, site_name),
        lambda: kubernetes.check(site, settings.kubernetes_context),
        lambda: vault.check(site, settings.vault_address, settings.vault_ca),
        lambda: keycloak.check(site, settings.keycloak_url, settings.keycloak_ca),
    )
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        return [finding for found in pool.map(lambda run: run(), checks) for finding in found]


def _mark(finding: Finding) -> str:
    if not finding.looked:
        return "--"
    return "ok" if finding.passed else "NO"


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "area": finding.area,
        "what": finding.what,
        "passed": finding.passed,
        "looked": finding.looked,
        "detail": finding.detail,
        "remedy": finding.remedy,
    }


def _verdict(site: str, failed: int) -> str:
    if failed:
        return f"{site} cannot be deployed yet: {failed} thing{'s' if failed > 1 else ''} to mend."
    return f"{site} can be deployed. Next: pulumi preview -s {site}"
