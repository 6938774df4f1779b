"""What one word of the data would replace is refused, unless the data approves it: volumes and CAs."""

from typing import Any

import pytest

from components import approvals
from components.recording import Composition
from model import Site
from model.authorities import AUTHORITIES, Authority, authority, made_from
from model.units import Duration
from tests.support.composing import compose
from tests.support.variants import PHASES, Variants


def with_pki(site: Site, **changes: Any) -> Site:
    return site.model_copy(update={"pki": site.pki.model_copy(update=changes)})


def with_authority(site: Site, kind: Authority, **changes: Any) -> Site:
    return with_pki(site, **{kind: authority(site, kind).model_copy(update=changes)})


def refused(site: Site) -> set[str]:
    return {".".join(str(step) for step in found.key) for found in approvals.refusals(site)}


@pytest.mark.parametrize("phase", PHASES)
def test_each_sample_site_approves_what_it_has_in_every_phase(variants: Variants, phase: str) -> None:
    for site in variants(phase):
        approvals.check(site.model_copy(update={"protect": True}))


def test_another_organization_would_replace_both_authorities(eagle_ford: Composition) -> None:
    changed = with_pki(eagle_ford.site, organization="Eagle Ford Field Operations LLC")
    assert refused(changed) == {"pki.root.approved", "pki.issuing.approved"}
    with pytest.raises(approvals.UnapprovedChangeError, match="another organization, key or life time"):
        approvals.check(changed)


@pytest.mark.parametrize("kind", AUTHORITIES)
@pytest.mark.parametrize("change", [{"key_bits": 2048}, {"lifetime": Duration(900 * 86_400)}], ids=str)
def test_another_key_or_life_time_is_refused(
    eagle_ford: Composition, kind: Authority, change: dict[str, Any]
) -> None:
    changed = with_authority(eagle_ford.site, kind, **change)
    assert refused(changed) == {f"pki.{kind}.approved"}
    # Approved in the same change, it passes.
    assert refused(with_authority(changed, kind, approved=made_from(changed, kind))) == set()


@pytest.mark.parametrize("kind", AUTHORITIES)
def test_a_new_generation_may_be_made_otherwise(eagle_ford: Composition, kind: Authority) -> None:
    assert refused(with_authority(eagle_ford.site, kind, generation=2, key_bits=4096)) == set()


@pytest.mark.parametrize("kind", AUTHORITIES)
def test_a_generation_does_not_go_back(eagle_ford: Composition, kind: Authority) -> None:
    later = with_authority(eagle_ford.site, kind, generation=2)
    approved = with_authority(later, kind, approved=made_from(later, kind))
    assert refused(approved) == set()
    assert refused(with_authority(approved, kind, generation=1)) == {f"pki.{kind}.approved"}


def test_a_protected_site_must_name_all_of_them(eagle_ford: Composition) -> None:
    bare = with_authority(with_authority(eagle_ford.site, "root", approved=None), "issuing", approved=None)
    assert refused(bare) == set()
    assert refused(bare.model_copy(update={"protect": True})) == {"pki.root.approved", "pki.issuing.approved"}


def test_an_old_generation_keeps_what_it_was_made_with(eagle_ford: Composition) -> None:
    """The engine is asked to leave what the data of the next generation says otherwise."""
    site = with_authority(with_authority(eagle_ford.site, "root", generation=2), "issuing", generation=2)
    made = compose(with_pki(site, organization="Another"))
    kinds = (
        "SecretBackendRootCert",
        "SecretBackendIntermediateCertRequest",
        "SecretBackendRootSignIntermediate",
    )
    for kind in kinds:
        old, new = sorted(made.of(kind), key=lambda found: found.inputs["commonName"])
        assert {"commonName", "organization"} <= set(old.ignore_changes), kind
        assert new.ignore_changes == (), kind
    (root, _) = sorted(made.of("SecretBackendRootCert"), key=lambda found: found.inputs["commonName"])
    assert {"keyBits", "keyType", "ttl"} <= set(root.ignore_changes)


def test_the_stack_tells_what_its_authorities_are_made_from(eagle_ford: Composition) -> None:
    told = eagle_ford.outputs["certificateAuthorities"]
    for kind in AUTHORITIES:
        assert told[kind]["approved"] == authority(eagle_ford.site, kind).approved
