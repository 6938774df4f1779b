"""Every setting in Vault and Keycloak is turned by hand, all at once: one `up --refresh` puts all of it right."""

from typing import Any

from lab.estate import Estate
from model import Site
from tests.support import servers
from tests.support.shell import Shell
from tests.support.turned_realm import read_realm, turn_realm
from tests.support.turned_vault import read_vault, settled, turn_vault


def test_one_up_puts_right_whatever_a_hand_turned(deployed: Shell, site: Site, estate: Estate) -> None:
    vault, keycloak = servers.vault_root(deployed, estate), servers.keycloak(deployed)

    def read() -> dict[str, Any]:
        found = read_vault(vault, site.name) | read_realm(servers.keycloak(deployed), site.name)
        return {path: settled(value) for path, value in found.items()}

    before = read()
    turn_vault(vault, read_vault(vault, site.name))
    turn_realm(keycloak, read_realm(keycloak, site.name), site.name)
    turned = read()
    untouched = sorted(path for path in before if before[path] == turned[path])
    assert [path for path in untouched if not _stays(path, before[path])] == []

    deployed.administrator("up", "--refresh", "--yes", "--skip-preview", "--stack", site.name)
    deployed.pulumi("up", "--refresh", "--yes", "--skip-preview", "--stack", site.name)
    after = read()
    assert {path: after.get(path) for path in before if after.get(path) != before[path]} == {}
    assert deployed.preview(site.name) == []


def _stays(path: str, value: Any) -> bool:
    """Whether something is not turned: Keycloak's own roles, and which roles a scope has (each its own resource)."""
    own = isinstance(value, dict) and str(value.get("name", "")).startswith(("uma_", "offline_", "default-"))
    return own or path.endswith("/scope-mappings/realm") or (path.endswith("/composites") and value == [])
