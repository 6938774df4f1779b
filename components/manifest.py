"""A Kubernetes object as the API server takes it.

The Kubernetes SDK's own classes would do the same, type token for type token; but importing those of the core
group alone takes longer than all the rest of the program, at each preview.
"""

from collections.abc import Mapping
from typing import Any

import pulumi


class Manifest(pulumi.CustomResource):
    """One object of any kind; `fields` are those beside `apiVersion`, `kind` and `metadata`, in Kubernetes' names."""

    def __init__(
        self,
        name: str,
        *,
        api_version: str,
        kind: str,
        metadata: Mapping[str, Any],
        opts: pulumi.ResourceOptions,
        **fields: Any,
    ) -> None:
        properties = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
        super().__init__(type_token(api_version, kind), name, properties, opts)

    @property
    def object_name(self) -> pulumi.Output[str]:
        """The object's name on the server, known when the object is there."""
        metadata: pulumi.Output[Any] = pulumi.get(self, "metadata")
        return metadata["name"]


def type_token(api_version: str, kind: str) -> str:
    """Return the type token that the Kubernetes provider has for a kind."""
    # The core group has no name in an API version, and this one in a token.
    group = api_version if "/" in api_version else f"core/{api_version}"
    return f"kubernetes:{group}:{kind}"
