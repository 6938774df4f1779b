"""The core platform as the site finds it: zones, and the operators' own names."""

from typing import Annotated

from pydantic import Field

from model.base import Address, Label, LabelValue, Namespace, ObjectName, Part
from model.network import Peers
from model.units import Duration

FailureZone = Annotated[LabelValue, Field(min_length=1)]


class CertManager(Part):
    """The platform's cert-manager."""

    namespace: Namespace = Field(description="Namespace of cert-manager.")
    service_account: ObjectName = Field(description="Service account with which cert-manager runs.")


class Issuer(Part):
    """The cert-manager Issuer that asks the site's Vault for certificates."""

    name: Label = Field(description="Name of the Issuer in the site's namespace.")
    service_account: Label = Field(
        description="Service account in the site's namespace whose token logs in to Vault."
    )


class BrokerOperator(Part):
    """The platform's EMQX operator."""

    namespace: Namespace = Field(description="Namespace of the EMQX operator, which asks the broker's API.")
    scales_replicants: bool = Field(
        description="Whether its `/scale` names the replicants' pods, so that an autoscaler can work: preflight says."
    )


class StreamsOperator(Part):
    """The platform's Strimzi."""

    namespace: Namespace = Field(
        description="Namespace of Strimzi's cluster operator, which asks the workers' API."
    )


class ExternalSecrets(Part):
    """The platform's External Secrets, which brings secrets from Vault; the kit names them, and never sees a value."""

    store: ObjectName = Field(description="Name of the ClusterSecretStore that reads the site's Vault.")
    path: Label = Field(description="First part of the keys in the store: `<path>/<site>/<secret>`.")
    refresh: Duration = Field(description="How often a secret is looked up again.")


class Platform(Part):
    """What the core platform gives, and the kit relies on."""

    zones: tuple[FailureZone, ...] = Field(min_length=1, description="Failure zones of the site's cluster.")
    cert_manager: CertManager = Field(description="cert-manager.")
    issuer: Issuer = Field(description="The site's certificate issuer.")
    broker_operator: BrokerOperator = Field(description="EMQX operator.")
    streams_operator: StreamsOperator = Field(description="Strimzi.")
    priority_class: ObjectName | None = Field(
        None, description="PriorityClass of the site's pods, where their kinds can say one (docs/broker.md)."
    )
    api_audience: Address = Field(
        description="Audience of the API server's tokens (its issuer, if nothing else is set)."
    )
    api_server: Peers | None = Field(
        None,
        description="Kubernetes' API server, as pods reach it behind its Service. Left out, one Job may ask for it at "
        "every address outside of the site's zones.",
    )
    dns: Peers = Field(description="The cluster's name servers: CoreDNS, NodeLocal DNS, or OpenShift's.")
    vault: Peers = Field(description="The Vault at which the stack's `vaultAddress` leads.")
    keycloak: Peers = Field(description="The Keycloak at which the stack's `keycloakUrl` leads.")
    prometheus_namespace: Namespace = Field(description="Namespace of the platform's Prometheus.")
    external_secrets: ExternalSecrets | None = Field(
        None, description="External Secrets; left out, the site makes the broker's Secrets itself."
    )
