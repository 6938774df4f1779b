"""Rules of replicants: where they may be, how many, and when they may scale themselves."""

from collections.abc import Iterator

from model.rules.rule import Finding, rule
from model.site import Site
from model.words import quoted

# One could not be lost.
FEWEST = 2
# EMQX: replicants are for clusters of more than three nodes, and hold on to core nodes that may lose one.
FEWEST_CORES = 3
_KEY = ("broker", "replicants")


@rule("broker")
def replicants_are_of_the_enterprise_edition(site: Site) -> Iterator[Finding]:
    """The opensource edition 5.8 refuses the role."""
    if site.broker.replicants is not None and site.broker.edition != "enterprise":
        problem = "the opensource edition has no replicants: all of its nodes are core nodes"
        yield Finding(_KEY, problem, "raise `broker.replicas` instead, or choose `edition: enterprise`")


@rule("broker")
def replicants_stand_beside_core_nodes(site: Site) -> Iterator[Finding]:
    """There are at least three core nodes beside them."""
    broker = site.broker
    if broker.replicants is not None and broker.replicas < FEWEST_CORES:
        problem = (
            f"replicants stand beside {FEWEST_CORES} core nodes or more, and there are {broker.replicas}"
        )
        yield Finding(
            _KEY, problem, f"write `broker.replicas: {FEWEST_CORES}` or more, or leave replicants out"
        )


@rule("broker")
def replicants_are_several_or_none(site: Site) -> Iterator[Finding]:
    """There are two or more; none while they are given up, and then nothing scales them."""
    replicants = site.broker.replicants
    if replicants is None or replicants.replicas >= FEWEST:
        return
    key, number = (*_KEY, "replicas"), quoted(replicants.replicas)
    if replicants.replicas:
        problem = f"{number} could not be lost"
        yield Finding(key, problem, f"write {FEWEST} or more, or 0 to give replicants up")
    elif replicants.autoscaling is not None:
        problem = f"{number} gives replicants up, and `autoscaling` would start them again"
        yield Finding(key, problem, f"leave `autoscaling` out, or write {FEWEST} or more")


@rule("broker", "platform")
def replicants_scale_where_they_are_found(site: Site) -> Iterator[Finding]:
    """An autoscaler of replicants is written only where the operator's `/scale` names their pods."""
    replicants = site.broker.replicants
    scaling = replicants.autoscaling if replicants else None
    if replicants is None or scaling is None:
        return
    key = (*_KEY, "autoscaling")
    if not site.platform.broker_operator.scales_replicants:
        problem = (
            "an autoscaler could not find the replicants: the operator's `/scale` names no selector of pods"
        )
        remedy = (
            "plan `replicas` instead; or say `platform.broker_operator.scales_replicants: true` once "
            "`sitectl preflight` has found the selector"
        )
        yield Finding(key, problem, remedy)
    if scaling.maximum <= replicants.replicas:
        problem = (
            f"{quoted(scaling.maximum)} is no more than the {replicants.replicas} that there are at least"
        )
        yield Finding((*key, "maximum"), problem, f"write {replicants.replicas + 1} or more")


RULES = (
    replicants_are_of_the_enterprise_edition,
    replicants_stand_beside_core_nodes,
    replicants_are_several_or_none,
    replicants_scale_where_they_are_found,
)
