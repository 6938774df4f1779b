"""The Secret of a Keycloak client: Keycloak makes the value, the stack hands it on."""

import base64

import pulumi

from components.component import SiteComponent
from components.manifest import Manifest

CLIENT_SECRET = "client-secret"  # noqa: S105 - the key under which it is kept


def client_secret(component: SiteComponent, name: str, secret: pulumi.Input[str]) -> Manifest:
    """Make the Secret `name` with a client's secret as the component's child.

    Keycloak makes the value; Pulumi must hold it, and holds it encrypted (docs/adr/0017).
    """
    encoded = pulumi.Output.secret(secret).apply(lambda text: base64.b64encode(text.encode()).decode())
    return Manifest(
        f"{component.site.name}-{name}",
        api_version="v1",
        kind="Secret",
        metadata=component.metadata(name),
        type="Opaque",
        data={CLIENT_SECRET: encoded},
        opts=component.in_kubernetes(),
    )
