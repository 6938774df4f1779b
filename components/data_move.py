"""Notices a change that makes the EMQX operator start over on new volumes, and refuses one that nobody approved.

The operator answers every edit of the nodes' template with a new StatefulSet, which claims new volumes; the old ones
stay behind with the data (emqx-operator#1151). More or fewer nodes are no such edit. A change of the volumes alone it
tries to write into the StatefulSet that is there, which Kubernetes refuses: it hangs, so this is held back as well.
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
    """The nodes' template is not the one that the site's data approves; `approved` is None where it names none."""

    def __init__(self, site: str, approved: str | None, digest: str) -> None:
        self.site = site
        self.approved = approved
        self.digest = digest
        self.problem, self.remedy = _words(approved, digest)
        super().__init__(f"{site}: broker.storage.approved {self.problem}\n    {self.remedy}")


def _words(approved: str | None, digest: str) -> tuple[str, str]:
    """Word what is wrong with the approval, and what would be right."""
    if approved is None:
        return (
            "is missing, and the site is protected: nothing would keep the broker from new, empty volumes",
            f'write `approved: "{digest}"` for a broker that is new; compare it with the annotation `{ANNOTATION}` of '
            "the EMQX resource where one runs (runbooks/data-move.md)",
        )
    return (
        f"is `{approved}`, and the nodes are now `{digest}`: the operator would start the broker on new, empty "
        "volumes, or hang where only the volumes' size or class changed",
        "do as runbooks/data-move.md says for either, and approve it in the same change: "
        f'write `approved: "{digest}"`; or take back the change of image, size, storage or nodes\' settings',
    )


def template_digest(site: Site) -> str:
    """Return the digest of all that nobody may change without a runbook at hand: 16 hexadecimal digits."""
    nodes = {key: value for key, value in emqx_nodes.core_nodes(site).items() if key not in _IN_PLACE}
    template = {"image": site.broker.image.reference(site.broker.version), "nodes": nodes}
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def check(site: Site) -> None:
    """Refuse nodes that are not those the site approves; raises UnapprovedDataMoveError.

    A site that is not protected may leave the approval out: its data is nobody's yet.
    """
    approved, digest = site.broker.storage.approved, template_digest(site)
    if approved != digest and (approved is not None or site.protect):
        raise UnapprovedDataMoveError(site.name, approved, digest)
