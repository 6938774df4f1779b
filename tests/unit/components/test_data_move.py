"""A change that makes the operator start on new volumes shows in the preview, and is refused unless it is approved."""

from decimal import Decimal
from typing import Any

import pytest

from components import data_move
from components.data_move import ANNOTATION, UnapprovedDataMoveError, template_digest
from components.recording import Composition
from model import Site
from model.units import Bytes
from tests.support.variants import PHASES, Variants


def changed(site: Site, **broker: Any) -> Site:
    return site.model_copy(update={"broker": site.broker.model_copy(update=broker)})


def approving(site: Site, digest: str | None) -> Site:
    return changed(site, storage=site.broker.storage.model_copy(update={"approved": digest}))


def test_the_resource_carries_the_digest_of_its_nodes(composition: Composition) -> None:
    annotations = composition.one("EMQX").metadata["annotations"]
    assert annotations[ANNOTATION] == template_digest(composition.site)


@pytest.mark.parametrize(
    "change",
    [{"version": "5.8.8"}, {"cores": Decimal(8)}, {"memory": Bytes(2**34)}, {"dashboard_port": 18085}],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_the_nodes_template_is_a_move(eagle_ford: Composition, change: dict[str, Any]) -> None:
    site = eagle_ford.site
    assert template_digest(changed(site, **change)) != template_digest(site)


def test_a_larger_volume_which_hangs_the_operator_is_held_back_too(eagle_ford: Composition) -> None:
    site = eagle_ford.site
    larger = site.broker.storage.model_copy(update={"size": Bytes(2**40)})
    assert template_digest(changed(site, storage=larger)) != template_digest(site)


@pytest.mark.parametrize(
    "change",
    [{"replicas": 5}, {"max_unavailable": 2}, {"log_level": "debug"}],
    ids=lambda change: next(iter(change)),
)
def test_more_nodes_and_other_configuration_are_none(eagle_ford: Composition, change: dict[str, Any]) -> None:
    site = eagle_ford.site
    assert template_digest(changed(site, **change)) == template_digest(site)


def test_a_promotion_is_none(eagle_ford: Composition) -> None:
    site = eagle_ford.site
    assert template_digest(site.model_copy(update={"phase": "parallel"})) == template_digest(site)


def test_an_unapproved_move_is_refused_with_the_way_out(eagle_ford: Composition) -> None:
    site = approving(eagle_ford.site, template_digest(eagle_ford.site))
    data_move.check(site)
    moved = changed(site, version="5.8.8")
    with pytest.raises(UnapprovedDataMoveError) as error:
        data_move.check(moved)
    assert f'write `approved: "{template_digest(moved)}"`' in str(error.value)
    data_move.check(approving(moved, error.value.digest))


def test_a_site_that_is_not_protected_need_not_name_a_digest(eagle_ford: Composition) -> None:
    site = approving(eagle_ford.site, None)
    data_move.check(changed(site, version="5.8.8"))


def test_a_protected_site_that_names_none_is_refused_and_told_which(eagle_ford: Composition) -> None:
    site = approving(eagle_ford.site, None).model_copy(update={"protect": True})
    with pytest.raises(UnapprovedDataMoveError) as error:
        data_move.check(site)
    assert error.value.approved is None
    assert f'write `approved: "{template_digest(site)}"`' in str(error.value)


@pytest.mark.parametrize("phase", PHASES)
def test_each_sample_site_approves_its_own_nodes_in_every_phase(variants: Variants, phase: str) -> None:
    for site in variants(phase):
        data_move.check(site.model_copy(update={"protect": True}))
