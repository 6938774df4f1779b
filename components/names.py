"""Names and ports that more than one component uses: a name is written here once, and nowhere else."""

from model import Site

BROKER = "broker"
"""The EMQX resource; the operator derives the names of pods and services from it."""
BROKER_LISTENERS = "broker-listeners"
BROKER_DASHBOARD = "broker-dashboard"
BROKER_HEADLESS = "broker-headless"
BROKER_TLS = "broker-tls"
"""Secret of the broker's certificate, filled by cert-manager: `tls.crt`, `tls.key`, `ca.crt`."""
BROKER_ADMINISTRATOR = "broker-administrator"
"""Secret with the dashboard's first password under `password`; made by the site, never by the kit."""
BROKER_METRICS_KEY = "broker-metrics-key"
"""Secret with the API key that Prometheus scrapes with, under `key` and `secret`; made by the site."""
BROKER_KAFKA = "broker-kafka"
"""Secret with the password of the broker's Kafka user under `password`, and Kafka's authority under `ca.crt`."""
BROKER_SECRETS = "broker-secrets"
"""First part of the Job that does not start before the broker's Secrets are there."""

BROKER_CONFIGURATION = "broker-configuration"
"""What belongs to the Job that sees whether the broker took its configuration: program, account, role, name."""

BROKER_PROBE = "broker-probe"
"""What belongs to the readiness probe: its program, its Job's first part, and the Secret of its certificate."""
BROKER_PROBE_STRANGER = "broker-probe-stranger"
"""Issuer and Secret of a certificate that the broker must refuse."""

INCUMBENT_BRIDGE = "incumbent-bridge"
"""Secret with what the bridge shows the incumbent: `password`, `ca.crt`; where it asks, `tls.crt` and `tls.key`."""

STRIMZI_CLUSTER = "strimzi.io/cluster"
"""Label of Strimzi's pods: which resource they are of."""
STRIMZI_KIND = "strimzi.io/kind"
"""Label of Strimzi's pods: of which kind that resource is."""
KAFKA_BRIDGE = "kafka"
"""The KafkaBridge resource of the opensource edition."""
KAFKA_BRIDGE_SERVICE = "kafka-bridge-service"
"""Its Service, by Strimzi's scheme of names."""
KAFKA_BRIDGE_TLS = "kafka-bridge-tls"
"""Secret of the Kafka bridge's certificate, filled by cert-manager."""
KAFKA_BRIDGE_PODS = {STRIMZI_CLUSTER: KAFKA_BRIDGE, STRIMZI_KIND: "KafkaBridge"}
"""Labels that Strimzi gives to the bridge's pods."""

SINKS = "sinks"
"""The KafkaConnect resource that fills the site's stores."""
SINKS_PODS = {STRIMZI_CLUSTER: SINKS, STRIMZI_KIND: "KafkaConnect"}
"""Labels that Strimzi gives to its workers' pods."""
SINKS_PORT = 8083
"""Port of the workers' API, by Strimzi's own choice."""
SINKS_METRICS = "tcp-prometheus"
"""Name of the port at which a worker tells its figures, by Strimzi's own choice."""
SINKS_METRICS_PORT = 9404
"""Its number."""
SINKS_KAFKA = "sinks-kafka"
"""Secret with the password of the workers' Kafka user under `password`, and Kafka's authority under `ca.crt`."""

DASHBOARD_LOGIN = "dashboard-login"
"""Secret of the dashboard's Keycloak client, under `client-secret`; Keycloak makes it."""
GATEWAY_LOGIN = "gateway-login"
"""Secrets of the Keycloak clients of edge gateways, each with its gateway's name at the end."""
DASHBOARD_PROXY = "dashboard-proxy"
"""Deployment and Service of the OIDC proxy, its settings, and the Secret with its `cookie-secret`."""
DASHBOARD_PROXY_TLS = "dashboard-proxy-tls"
"""Secret of the proxy's certificate, filled by cert-manager."""

POLICY_SERVER = "opa"
"""Deployment and Service of the policy server."""
POLICY_SERVER_TLS = "opa-tls"
"""Secret of the policy server's certificate, filled by cert-manager: `tls.crt`, `tls.key`, `ca.crt`."""
POLICY_SERVER_PORT = 8181

CERTIFICATE_EXPORTER = "certificate-exporter"
"""Deployment, Service, service account and program of what tells when certificates end."""
CERTIFICATE_EXPORTER_TLS = "certificate-exporter-tls"
"""Secret of its own certificate, filled by cert-manager."""

TRUST = "site-trust"
"""ConfigMap of the authorities that the site's servers believe: `site.pem` (its own CAs), `identity.pem`."""
TRUST_SITE = "site.pem"
TRUST_IDENTITY = "identity.pem"

AUDIENCE = "mqtt"
"""The one audience of a token that is meant for the broker."""
AUDIENCE_SCOPE = "mqtt"
"""Keycloak's client scope that brings the audience."""

CLIENT_ATTRIBUTES = "client_attrs"
"""Claim whose texts EMQX hands to the policy server, once it has verified the token."""
REALM_ATTRIBUTE = "realm"
"""Attribute of a token for the broker: the realm that it is of."""
HOLDER_ATTRIBUTE = "holder"
"""Attribute of a token for the broker: whom it is for, `PERSON` or `GATEWAY`."""
PERSON = "person"
GATEWAY = "gateway"

CLIENT_CLASSES = ("device", "gateway", "service", "mirror")
"""Classes of client certificates; each has its Vault role, and its own subdomain for common names."""


def sink_secret(sink: str) -> str:
    """Return the name of the Secret with a sink's credentials, for Kafka and for its store."""
    return f"sink-{sink}"


def gateway_login(gateway: str) -> str:
    """Return the name of the Secret, and of the Keycloak client, of an edge gateway that brings a token."""
    return f"{GATEWAY_LOGIN}-{gateway}"


def client_name(site: Site, client_class: str, name: str) -> str:
    """Return a client's whole name: the common name of its certificate, or the user name in its token."""
    return f"{name}.{client_domain(site, client_class)}"


def probe_name(site: Site) -> str:
    """Return the common name of the readiness probe's certificate: a service's."""
    return f"{BROKER_PROBE}.{client_domain(site, 'service')}"


def readiness_topic(site: Site) -> str:
    """Return the one topic that the readiness probe may subscribe to."""
    return f"{site.name}/readiness"


def client_domain(site: Site, client_class: str) -> str:
    """Return the subdomain of a class's common names: `devices.<domain>` and so on."""
    return f"{client_class}s.{site.domain}"


def service_host(site: Site, service: str) -> str:
    """Return the name under which pods reach a service of the site."""
    return f"{service}.{site.namespace}.svc"


def decision_url(site: Site) -> str:
    """Return the address of the policy decision that the broker asks for."""
    return f"https://{service_host(site, POLICY_SERVER)}:{POLICY_SERVER_PORT}/v0/data/iot/mqtt/decision"


def login_url(site: Site) -> str:
    """Return the address at which the broker asks about a token before it verifies it."""
    return f"https://{service_host(site, POLICY_SERVER)}:{POLICY_SERVER_PORT}/v0/data/iot/login/decision"


def issuer_url(keycloak_url: str, site: Site) -> str:
    """Return the realm's issuer, as tokens name it."""
    return f"{keycloak_url}/realms/{site.name}"
