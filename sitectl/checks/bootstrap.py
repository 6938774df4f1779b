"""Has Vault's administrator run the bootstrap over these data? Asked with the rights of who deploys or looks."""

from pathlib import Path

from components.vault_access import mark
from model import Site, load_site
from sitectl.checks import Finding, Unreachable
from sitectl.checks.web import Web
from sitectl.settings import load_settings
from sitectl.vault_token import headers, vault_token

AREA = "vault"
WHAT = "the bootstrap"


def remedy(site: Site) -> str:
    """Return what makes the policies and logins that a site's data ask for."""
    return f"have Vault's administrator run `pulumi up -s {site.name}` in bootstrap/ (docs/bootstrap.md)"


def finding(web: Web, site: Site) -> Finding:
    """Ask Vault, as who is signed in, whether the mark of these data is there; raises `Unreachable`."""
    path = mark(site)
    answer = web.post_json("/v1/sys/capabilities-self", {"paths": [path]})
    if answer.status != 200:
        return Finding(AREA, WHAT, "the token may not ask for its own capabilities", remedy(site))
    has = set(answer.body["data"].get(path, ()))
    if "root" in has:
        return Finding(AREA, WHAT, "not compared: the token may do everything")
    if "read" in has:
        return Finding(AREA, WHAT, "has run over these data")
    detail = "is behind the data, or the token has neither the deployer's policy nor the reviewers'"
    return Finding(AREA, WHAT, detail, remedy(site))


def look(root: Path, name: str) -> Finding:
    """Ask the Vault of a stack's settings, with the token of the environment.

    Raises `model.SiteErrors`, `SettingsFileError` or `components.settings.SettingsErrors`.
    """
    site, settings, token = load_site(root / "stacks", name), load_settings(root, name), vault_token()
    if token is None:
        return Finding(AREA, WHAT, "is not known without a token", "`vault login`, or set VAULT_TOKEN")
    try:
        return finding(Web(settings.vault_address, settings.vault_ca, headers(token)), site)
    except Unreachable as failure:
        return Finding(AREA, WHAT, f"is not known: {failure}", "see that Vault can be reached from here")
