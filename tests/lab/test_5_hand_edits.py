"""Every field that the kit states is turned by hand, all at once: one `up --refresh` puts all of it right."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from lab.chaos.fingerprint import stated_in_keycloak
from lab.estate import Estate
from model import Site
from tests.support import servers
from tests.support.shell import Shell
from tests.support.turned_objects import Named, administrator, objects, read_objects, rendered, turn_objects
from tests.support.turned_realm import read_realm, touch_realm, turn_realm
from tests.support.turned_vault import read_vault, settled, turn_vault

# What no hand can turn, since Kubernetes takes no other value; each is seen to be refused.
FIXED = {
    **dict.fromkeys(
        ("* apiVersion", "* kind", "* metadata.name", "* metadata.namespace"),
        "an object stays the one that it is",
    ),
    "*RoleBinding roleRef.*": "a binding gives one role for ever",
    "Deployment spec.selector.*": "a Deployment counts the same pods for ever",
    "Deployment spec.template.metadata.labels.*": "these are the labels by which it counts its pods",
    "EMQX spec.config.turned-by-hand": "the operator's type has no such key",
    "EMQX spec.updateStrategy.type": "the operator's type has this word alone",
    "Job spec.podFailurePolicy.*": "a Job does one thing",
    "Job spec.template.*": "a Job does one thing",
    "KafkaConnect spec.metricsConfig.type": "the operator's type has this word alone",
    "KafkaUser spec.authorization.type": "the operator's type has this word alone",
    "Secret type": "a Secret is of one type for ever",
}
# What the program says once and leaves to others: more partitions are the topic's owner's (docs/adr/0014).
LEFT = {("KafkaTopic", "spec.partitions")}


def fixed(field: Named) -> bool:
    """Whether it is known that Kubernetes does not let a field turn."""
    return any(fnmatchcase(" ".join(field), pattern) for pattern in FIXED)


def test_one_up_puts_right_whatever_a_hand_turned(deployed: Shell, site: Site, estate: Estate) -> None:
    vault, keycloak = servers.vault_root(deployed, estate), servers.keycloak(deployed)
    cluster = administrator(deployed)

    def read() -> dict[str, Any]:
        found = read_vault(vault, site.name) | read_realm(servers.keycloak(deployed), site.name)
        return {path: settled(stated_in_keycloak(value)) for path, value in found.items()} | read_objects(
            cluster, made
        )

    def repair() -> None:
        deployed.administrator("up", "--refresh", "--yes", "--skip-preview", "--stack", site.name)
        deployed.pulumi("up", "--refresh", "--yes", "--skip-preview", "--stack", site.name)

    # What earlier hands left where no refresh sees it goes when all of it is written.
    touch_realm(keycloak, read_realm(keycloak, site.name), site.name)
    repair()
    keycloak = servers.keycloak(deployed)
    made = objects(deployed, site.name)
    assert {(one.kind, field) for one in made for field in one.ignored} == LEFT
    before = read()
    turn_vault(vault, read_vault(vault, site.name))
    turn_realm(keycloak, read_realm(keycloak, site.name), site.name)
    refused = turn_objects(cluster, made, fixed)
    assert sorted(field for field in refused if not fixed(field)) == []
    assert [name for name in FIXED if not any(fnmatchcase(" ".join(field), name) for field in refused)] == []
    turned = read()
    untouched = sorted(path for path in before if before[path] == turned[path])
    assert [path for path in untouched if not _stays(path, before[path])] == []

    repair()
    after = read()
    assert list(different(before, after)) == []
    said = {str(one): rendered(one, after[str(one)]) for one in made}
    assert list(different(said, {name: after[name] for name in said})) == []
    assert deployed.preview(site.name) == []


def different(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Yield each place where two readings differ, with both."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from different(before.get(name), after.get(name), f"{place} > {name}")
    elif before != after:
        yield f"{place}: was {str(before)[:200]}, is {str(after)[:200]}"


def _stays(path: str, value: Any) -> bool:
    """Whether something is not turned: Keycloak's own roles, and which roles a scope has (each its own resource)."""
    own = isinstance(value, dict) and str(value.get("name", "")).startswith(("uma_", "offline_", "default-"))
    return own or path.endswith("/scope-mappings/realm") or (path.endswith("/composites") and value == [])
