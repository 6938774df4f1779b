"""What every component shares: where its resources go, their labels, and how a child is given its options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pulumi
import pulumi_keycloak as keycloak
import pulumi_vault as vault
from pulumi_kubernetes import Provider as KubernetesProvider

from components.settings import Settings
from model import Site
from model.units import Duration

PHASE_LABEL = "iot-broker/phase"


@dataclass(frozen=True)
class Place:
    """Where a component puts its resources: the site, its servers' addresses, the providers that reach them.

    `namespace` is the made namespace's name, so that whatever goes into it waits for it.
    """

    site: Site
    settings: Settings
    kubernetes: KubernetesProvider
    vault: vault.Provider
    keycloak: keycloak.Provider
    namespace: pulumi.Input[str]


# What the kit says of an object is the kit's: an edit by hand is put right by the next `up`, instead of stopping it
# with a conflict. Fields that somebody else decides are never said.
OWNED = {"pulumi.com/patchForce": "true"}


class SiteComponent(pulumi.ComponentResource):
    """A component of the site: `Component(name, place, …, opts)`.

    Its children get all of their options here, so that nothing leaks to them from the caller's.
    """

    DOMAIN: ClassVar[str]
    """Middle of the type token `iot-broker:<domain>:<Component>`."""
    SOFTWARE: ClassVar[str]
    """Value of the label `app.kubernetes.io/name`."""
    PART: ClassVar[str]
    """Value of the label `app.kubernetes.io/component`."""

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"iot-broker:{self.DOMAIN}:{type(self).__name__}", name, None, opts)
        self.place = place
        self.site = place.site

    @property
    def labels(self) -> dict[str, str]:
        """The labels of everything that this component makes in Kubernetes."""
        return site_labels(self.site, self.SOFTWARE, self.PART)

    @property
    def selector(self) -> dict[str, str]:
        """The part of the labels that finds this component's pods; it never changes."""
        return selector_labels(self.site, self.SOFTWARE, self.PART)

    def metadata(
        self,
        name: str,
        *,
        namespace: pulumi.Input[str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the metadata of an object in the site's namespace (or in `namespace`), with our labels."""
        metadata = self.cluster_metadata(name, labels)
        metadata["namespace"] = namespace if namespace is not None else self.place.namespace
        metadata["annotations"] |= annotations or {}
        return metadata

    def cluster_metadata(self, name: str, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the metadata of an object that is in no namespace, with our labels."""
        return {"name": name, "labels": self.labels | dict(labels or {}), "annotations": dict(OWNED)}

    def in_kubernetes(
        self,
        *,
        protect: bool = False,
        within: Duration | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
        ignore_changes: Sequence[str] = (),
        aliases: Sequence[pulumi.Alias] = (),
        delete_before_replace: bool | None = None,
    ) -> pulumi.ResourceOptions:
        """Options of a child in Kubernetes; `within` is how long it may take to become ready, or to go.

        `delete_before_replace` is for a child whose name changes with what it does. Were the old one deleted last, as
        is Pulumi's way, an `up` that fails elsewhere would leave it, and the way back would meet its name.
        """
        options = self._child(self.place.kubernetes, protect, within, depends_on, ignore_changes)
        options.aliases = list(aliases)
        options.delete_before_replace = delete_before_replace
        return options

    def in_vault(
        self,
        *,
        protect: bool = False,
        depends_on: Sequence[pulumi.Resource] = (),
        ignore_changes: Sequence[str] = (),
    ) -> pulumi.ResourceOptions:
        """Options of a child in Vault."""
        return self._child(self.place.vault, protect, None, depends_on, ignore_changes)

    def in_keycloak(
        self,
        *,
        protect: bool = False,
        depends_on: Sequence[pulumi.Resource] = (),
        ignore_changes: Sequence[str] = (),
    ) -> pulumi.ResourceOptions:
        """Options of a child in Keycloak."""
        return self._child(self.place.keycloak, protect, None, depends_on, ignore_changes)

    def _child(
        self,
        provider: pulumi.ProviderResource,
        protect: bool,
        within: Duration | None,
        depends_on: Sequence[pulumi.Resource],
        ignore_changes: Sequence[str],
    ) -> pulumi.ResourceOptions:
        limit = f"{within.seconds}s" if within else None
        return pulumi.ResourceOptions(
            parent=self,
            provider=provider,
            # Said also when false: the SDK would hand the component's own protection down otherwise.
            protect=protect,
            depends_on=list(depends_on),
            ignore_changes=list(ignore_changes),
            custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete=limit)
            if limit
            else None,
        )


def selector_labels(site: Site, software: str, part: str) -> dict[str, str]:
    """Return the labels by which the pods of a part of the site are found."""
    return {
        "app.kubernetes.io/name": software,
        "app.kubernetes.io/instance": site.name,
        "app.kubernetes.io/component": part,
    }


def site_labels(site: Site, software: str, part: str) -> dict[str, str]:
    """Return the labels of every object of the site: Kubernetes' recommended ones, and the site.

    Not the phase, which the namespace alone says: a change of phase touches what does something else then, and of
    an object that Pulumi waits for the official plugin may keep an older one (docs/adr/0051).
    """
    return selector_labels(site, software, part) | {
        "app.kubernetes.io/part-of": "iot-broker",
        "app.kubernetes.io/managed-by": "pulumi",
        "iot-broker/site": site.name,
    }
