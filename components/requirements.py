"""What a site needs from others: Kubernetes APIs of the core platform, and Secrets that the stack does not fill."""

from collections.abc import Iterable
from dataclasses import dataclass

from components import names
from components.broker_secrets import slots
from components.incumbent_bridge import keys as bridge_keys
from model import Site

_CORE = "upgrade the cluster: this is Kubernetes' own"
_EMQX = "have the platform install emqx-operator 2.2.29 (it serves apps.emqx.io/v2beta1)"
_EMQX_LATER = "have the platform install emqx-operator 2.3.x (it serves apps.emqx.io/v2)"
_CERT_MANAGER = "have the platform install cert-manager 1.21 or later"
_EXTERNAL_SECRETS = "have the platform install External Secrets (it serves external-secrets.io/v1)"
_STRIMZI = "have the platform install Strimzi 1.2.0 or later (it serves kafka.strimzi.io/v1)"
_PROMETHEUS = "have the platform install prometheus-operator 0.85 or later"


@dataclass(frozen=True)
class NeededApi:
    """A kind that the site's stack writes.

    `api_version` is `group/version`; `plural` its name in RBAC; `namespace` where it is written (None: the site's own,
    or the whole cluster for kinds without namespace); `remedy` says how to get it when it is not served.
    """

    api_version: str
    kind: str
    plural: str
    remedy: str
    namespace: str | None = None

    @property
    def group(self) -> str:
        """The API group; empty for Kubernetes' core."""
        return self.api_version.rpartition("/")[0]


def needed_apis(site: Site) -> tuple[NeededApi, ...]:
    """Return each kind that the site's stack writes; a test holds this against what the components make."""
    kafka = site.streams.cluster.namespace
    emqx = _EMQX if site.broker.operator_api.endswith("v2beta1") else _EMQX_LATER
    return (
        *_kinds("v1", ("Namespace", "ConfigMap", "Secret", "Service", "ServiceAccount"), _CORE),
        *_kinds("apps/v1", ("Deployment",), _CORE),
        *(_kinds("apps/v1", ("StatefulSet",), _CORE) if site.streams.by_worker else ()),
        *_kinds("batch/v1", ("Job",), _CORE),
        *_kinds("networking.k8s.io/v1", ("NetworkPolicy",), _CORE),
        *_kinds("policy/v1", ("PodDisruptionBudget",), _CORE),
        *(
            entry
            for namespace in (None, kafka)
            for entry in _kinds("external-secrets.io/v1", ("ExternalSecret",), _EXTERNAL_SECRETS, namespace)
            if site.platform.external_secrets
        ),
        *(_kinds("autoscaling/v2", ("HorizontalPodAutoscaler",), _CORE) if scales(site) else ()),
        *_kinds("rbac.authorization.k8s.io/v1", ("Role", "RoleBinding", "ClusterRoleBinding"), _CORE),
        NeededApi(site.broker.operator_api, "EMQX", "emqxes", emqx),
        *_kinds("cert-manager.io/v1", ("Issuer", "Certificate"), _CERT_MANAGER),
        *_kinds("kafka.strimzi.io/v1", ("KafkaTopic", "KafkaUser"), _STRIMZI, kafka),
        *(_kinds("kafka.strimzi.io/v1", ("KafkaBridge",), _STRIMZI) if site.way_to_kafka == "bridge" else ()),
        *(
            _kinds("kafka.strimzi.io/v1", ("KafkaConnect", "KafkaConnector"), _STRIMZI)
            if site.streams.sinks
            else ()
        ),
        *_kinds("monitoring.coreos.com/v1", ("PodMonitor", "PrometheusRule"), _PROMETHEUS),
    )


def needed_secrets(site: Site) -> dict[str, tuple[str, ...]]:
    """Return every Secret in the site's namespace that somebody fills who is not the stack, and its keys.

    With `platform.external_secrets` all but the licence come out of Vault's slots of the same names and keys.
    """
    bridge = {names.INCUMBENT_BRIDGE: bridge_keys(site)} if site.bridge != "none" else {}
    licence = site.broker.licence
    return slots(site) | bridge | ({licence.secret: (licence.key,)} if licence else {})


def scales(site: Site) -> bool:
    """Say whether something of the site has an autoscaler, which asks the cluster's metrics."""
    bridge = site.streams.bridge.autoscaling if site.way_to_kafka == "bridge" else None
    proxy = site.identity.dashboard.proxy.autoscaling
    replicants = site.broker.replicants.autoscaling if site.broker.replicants else None
    return bool(site.policy.autoscaling or bridge or proxy or replicants)


def _kinds(
    api_version: str, kinds: Iterable[str], remedy: str, namespace: str | None = None
) -> tuple[NeededApi, ...]:
    return tuple(NeededApi(api_version, kind, _plural(kind), remedy, namespace) for kind in kinds)


def _plural(kind: str) -> str:
    """Return the plural that RBAC uses: lower case; a final y after a consonant becomes ies."""
    lower = kind.lower()
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"
