"""A site's realm as an administrator changes it by hand: people that are made there, and settings."""

import contextlib
from collections.abc import Iterator

from model import Site
from tests.support import servers
from tests.support.browser import Person
from tests.support.shell import Shell


def made(
    deployed: Shell, site: Site, people: list[str], name: str, group: str, *, verified: bool = False
) -> Person:
    """Make a person as an administrator does: nothing about the address is known to be true."""
    person = {
        "username": name,
        "enabled": True,
        "email": f"{name}@field.example",
        "emailVerified": verified,
        "firstName": "Ana",
        "lastName": "Reyes",
        "groups": [f"/{group}"],
        "credentials": [{"type": "password", "value": servers.PASSWORD, "temporary": False}],
    }
    reply = servers.keycloak(deployed).ask("POST", f"/{site.name}/users", person)
    assert reply.status == 201, reply.text
    people.append(name)
    return Person(name, servers.PASSWORD)


@contextlib.contextmanager
def by_hand(deployed: Shell, site: Site, changed: dict[str, object]) -> Iterator[None]:
    """Change the realm by hand, and put it back at the end: the control of what the setting does."""
    admin = servers.keycloak(deployed)
    kept = admin.get(f"/{site.name}")
    assert admin.ask("PUT", f"/{site.name}", changed).status == 204
    try:
        yield
    finally:
        # Anew: the first login may be over by now.
        put = servers.keycloak(deployed).ask("PUT", f"/{site.name}", {name: kept[name] for name in changed})
        assert put.status == 204, put.text
