"""A destruction that runs no program meets the safeguard first, and it depends on everything."""

from components.recording import Composition
from components.registered import Registered
from components.safeguard import NAME
from tests.support.composing import compose, compose_bootstrap


def held(composition: Composition) -> set[str]:
    """Return the URNs that cannot go before the safeguard: what it depends on, and what that depends on."""
    by_urn = {made.urn: made for made in composition.resources}
    (guard,) = guards(composition)
    found: set[str] = set()
    left = [guard]
    while left:
        made = left.pop()
        needed = {*made.depends_on, made.parent, made.provider.rpartition("::")[0]}
        left += [by_urn[urn] for urn in needed - found if urn in by_urn]
        found |= needed
    return found


def guards(composition: Composition) -> list[Registered]:
    return [made for made in composition.resources if made.name == f"{composition.site.name}-{NAME}"]


def test_everything_of_a_site_is_held(composition: Composition) -> None:
    others = {made.urn for made in composition.resources} - {made.urn for made in guards(composition)}
    assert others - held(composition) == set()


def test_everything_of_a_bootstrap_is_held(composition: Composition) -> None:
    bootstrap = compose_bootstrap(composition.site)
    others = {made.urn for made in bootstrap.resources} - {made.urn for made in guards(bootstrap)}
    assert others - held(bootstrap) == set()


def test_the_safeguard_is_protected_where_the_site_is(composition: Composition) -> None:
    (guard,) = guards(composition)
    assert guard.protect is composition.site.protect


def test_the_safeguard_of_a_protected_site_is_protected(composition: Composition) -> None:
    site = composition.site.model_copy(update={"protect": True})
    assert [made.protect for made in guards(compose(site))] == [True]
    assert [made.protect for made in guards(compose_bootstrap(site))] == [True]
