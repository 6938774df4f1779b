"""Notices a change that makes the EMQX operator start over on new volumes, and refuses one that nobody approved.

The operator answers every edit of the nodes' template with a new StatefulSet, which claims new volumes; the old ones
stay behind with the data (emqx-operator#1151). More or fewer nodes are no such edit.
"""

import hashlib
import json

from components import emqx_nodes
from model import Site

ANNOTATION = "iot-broker/volumes"
"""On the EMQX resource: the digest of the nodes' template. A preview that changes it is a move of the data."""
# What the operator changes in place.
_IN_PLACE = ("replicas", "maxUnavailable")
_DIGITS = 16


class UnapprovedDataMoveError(Exception):
    """The nodes' template is not the one that the site's data approves."""

    def __init__(self, site: str, approved: str, digest: str) -> None:
        super().__init__(
            f"{site}: broker.storage.approved is `{approved}`, and the nodes are now `{digest}`: the operator would "
            f"start the broker on new, empty volumes\n"
            f"    move the data as runbooks/data-move.md says, and approve it in the same change: "
            f'write `approved: "{digest}"`; or take back the change of image, size, storage or nodes\' settings'
        )
        self.site = site
        self.approved = approved
        self.digest = digest


def template_digest(site: Site) -> str:
    """Return the digest of all that the operator answers with new volumes when it changes: 16 hexadecimal digits."""
    nodes = {key: value for key, value in emqx_nodes.core_nodes(site).items() if key not in _IN_PLACE}
    template = {"image": site.broker.image.reference(site.broker.version), "nodes": nodes}
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def check(site: Site) -> None:
    """Refuse nodes that are not those the site approves, where it approves any; raises UnapprovedDataMoveError."""
    approved, digest = site.broker.storage.approved, template_digest(site)
    if approved is not None and approved != digest:
        raise UnapprovedDataMoveError(site.name, approved, digest)
