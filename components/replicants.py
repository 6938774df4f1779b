"""Refuses to leave replicants out of a site while there are some: the operator would let them stand."""

from components.deployed import Deployed
from model import Site

OUTPUT = "replicants"
"""The stack output that keeps how many replicants were asked for: the fewest where they scale themselves."""


class AbandonedReplicantsError(Exception):
    """The site has no `broker.replicants` any more, and its stack was last deployed with some."""

    def __init__(self, site: str, number: int) -> None:
        super().__init__(
            f"{site}: broker.replicants is left out, and {number} are deployed: the operator would let them stand as "
            "they are, and where they were scaled go on sending clients to them alone, though none that is lost comes "
            "back\n"
            "    write `replicants: {replicas: 0}` without `autoscaling`, deploy that, and leave them out then "
            "(docs/broker.md)"
        )
        self.site = site
        self.number = number


def check(site: Site, deployed: Deployed) -> None:
    """Look that no replicants are abandoned; raises AbandonedReplicantsError and UnreadableOutputsError."""
    if site.broker.replicants is None and (number := int(deployed.outputs.get(OUTPUT) or 0)):
        raise AbandonedReplicantsError(site.name, number)


def as_output(site: Site) -> int:
    """Return what the stack exports of the replicants."""
    return site.broker.replicant_nodes
