"""Rules of names: none that another program has already, none too long for a certificate."""

from collections.abc import Iterator

from model.ingest import COMMANDS, EVENTS
from model.rules.rule import Finding, rule
from model.site import Site
from model.words import quoted
from model.worker import SHARED_BY

# X.509 (RFC 5280, ub-common-name): cert-manager refuses a longer common name.
LONGEST_COMMON_NAME = 64
# What is left for a client's own name: enough for `broker-probe`, the kit's own longest, and one character more.
SHORTEST_ROOM = 13
# `.services.` and `.gateways.` stand between a client's own name and the domain.
LONGEST_DOMAIN = LONGEST_COMMON_NAME - SHORTEST_ROOM - len(".services.")
# `kafka-bridge-service.iot-<site>.svc` is the longest common name of a server inside the cluster.
LONGEST_SITE = LONGEST_COMMON_NAME - len("kafka-bridge-service.iot-.svc")
RESERVED_SITES = {
    "master": "is Keycloak's own realm, with the administrators of all others",
    "ot": "is the first level of the OT mirror's topics",
}
# DNS gives these to programs of its own (RFC 6761, Kubernetes).
NO_DOMAINS = ("localhost", "invalid", "arpa", "svc", "cluster.local")
PROBE = "broker-probe"
"""The readiness probe's own name among services."""
# Of the kit itself, in the site's namespace.
OWN_ISSUERS = (PROBE, "broker-probe-stranger")
OWN_SECRETS = (
    "broker-tls",
    "broker-administrator",
    "broker-metrics-key",
    "broker-kafka",
    "broker-cookie",
    *OWN_ISSUERS,
    "incumbent-bridge",
    "incumbent-bridge-identity",
    "incumbent-bridge-tls",
    "kafka-bridge-tls",
    "sinks-kafka",
    "dashboard-login",
    "dashboard-proxy",
    "dashboard-proxy-tls",
    "certificate-exporter-tls",
    "opa-tls",
)
OWN_ACCOUNTS = ("certificate-exporter",)
# What belongs to the workers to Kafka has their name, or begins with it.
OWN_TO_WORKERS = (*SHARED_BY,)
# Keycloak makes these in each realm.
KEYCLOAK_CLIENTS = (
    "account",
    "account-console",
    "admin-cli",
    "broker",
    "realm-management",
    "security-admin-console",
)
KEYCLOAK_ROLES = ("offline-access", "uma-authorization")
OWN_LABELS = ("app.kubernetes.io/", "iot-broker/")


@rule("name")
def the_sites_name_is_free(site: Site) -> Iterator[Finding]:
    """A site is not called as something that is there already, and its servers' names fit their certificates."""
    if reason := RESERVED_SITES.get(site.name):
        yield Finding(("name",), f"{quoted(site.name)} {reason}", "give the site, and its file, another name")
    if len(site.name) > LONGEST_SITE:
        problem = f"{quoted(site.name)} is too long: servers' common names would pass {LONGEST_COMMON_NAME}"
        yield Finding(("name",), problem, f"write at most {LONGEST_SITE} characters")


@rule("domain")
def the_domain_leaves_room_for_names(site: Site) -> Iterator[Finding]:
    """The longest common name below the domain fits a certificate, and the domain is the site's to name."""
    if len(site.domain) > LONGEST_DOMAIN:
        problem = (
            f"{quoted(site.domain)} has {len(site.domain)} characters: common names below it would pass "
            f"{LONGEST_COMMON_NAME}, and get no certificate"
        )
        yield Finding(("domain",), problem, f"write at most {LONGEST_DOMAIN} characters")
    for ending in NO_DOMAINS:
        if site.domain.endswith(f".{ending}"):
            problem = f"names below {quoted(ending)} are no site's own"
            yield Finding(("domain",), problem, "write a domain of the company's, like `field.example`")


@rule("domain", "policy", "identity")
def clients_names_fit_their_certificates(site: Site) -> Iterator[Finding]:
    """Each named host and gateway has a common name of 64 characters at most."""
    if len(site.domain) > LONGEST_DOMAIN:
        return
    named = [(("policy", "hosts", host.name), host.name, "services") for host in site.policy.hosts]
    named += [(("identity", "gateways", one.name), one.name, "gateways") for one in site.identity.gateways]
    for key, name, group in named:
        room = LONGEST_COMMON_NAME - len(f".{group}.{site.domain}")
        if len(name) > room:
            full = f"{name}.{group}.{site.domain}"
            problem = f"{quoted(name)} makes a common name of {len(full)} characters, of {LONGEST_COMMON_NAME} at most"
            yield Finding((*key, "name"), problem, f"write at most {room} characters, or a shorter domain")


@rule("name", "assets")
def assets_are_not_called_as_what_is_said_to_devices(site: Site) -> Iterator[Finding]:
    """No level of an asset's topics, but the first, is the one by which commands or events are known."""
    for asset in site.assets:
        space = site.topic_spaces[asset.name]
        for level in (COMMANDS, EVENTS):
            if level in space.split("/")[1:]:
                own = asset.topic_space is not None
                problem = (
                    f"{quoted(level)} in {quoted(space)} is the level by which {level}s are known, not data"
                )
                remedy = "write another level" if own else "give the asset another name, or a `topic_space`"
                yield Finding(("assets", asset.name, "topic_space" if own else "name"), problem, remedy)


@rule("policy")
def hosts_are_not_the_kits_own(site: Site) -> Iterator[Finding]:
    """No host has the common name of the readiness probe."""
    for host in site.policy.hosts:
        if host.name == PROBE:
            problem = (
                f"{quoted(host.name)} is the readiness probe, which every host with its certificate would be"
            )
            yield Finding(("policy", "hosts", host.name, "name"), problem, "give the host another name")


@rule("name", "identity")
def keycloaks_own_names_stay_its_own(site: Site) -> Iterator[Finding]:
    """No role or client is called as one that Keycloak makes in each realm."""
    own_roles = (*KEYCLOAK_ROLES, f"default-roles-{site.name}")
    for role in site.identity.roles:
        if role.name in own_roles:
            key = ("identity", "roles", role.name, "name")
            yield Finding(
                key, f"{quoted(role.name)} is a role of Keycloak's own", "give the role another name"
            )
    clients = {
        ("dashboard", "emqx-dashboard"): site.identity.dashboard.client_id,
        ("people", "mqtt-people"): site.identity.people.client_id,
    }
    for (part, usual), client in clients.items():
        if client in KEYCLOAK_CLIENTS:
            problem = f"{quoted(client)} is a client of Keycloak's own"
            yield Finding(("identity", part, "client_id"), problem, f"write another, like `{usual}`")


@rule("broker")
def the_licence_is_in_a_secret_of_its_own(site: Site) -> Iterator[Finding]:
    """The Secret of the licence is none that the kit or cert-manager fills."""
    licence = site.broker.licence
    if licence is not None and (licence.secret in OWN_SECRETS or _is_of_workers(licence.secret)):
        problem = f"{quoted(licence.secret)} is a Secret of the kit's own"
        yield Finding(("broker", "licence", "secret"), problem, "write another, like `broker-licence`")


@rule("platform")
def the_issuer_is_its_own(site: Site) -> Iterator[Finding]:
    """The Issuer has a name of its own, and its service account is not the one that every pod has."""
    issuer, key = site.platform.issuer, ("platform", "issuer")
    if issuer.name in OWN_ISSUERS:
        problem = f"{quoted(issuer.name)} is the Issuer of the readiness probe"
        yield Finding((*key, "name"), problem, "write another, like `site-issuer`")
    if _is_of_workers(issuer.name):
        problem = f"{quoted(issuer.name)} is a name of the workers to Kafka"
        yield Finding((*key, "name"), problem, "write another, like `site-issuer`")
    if issuer.service_account in OWN_ACCOUNTS or _is_of_workers(issuer.service_account):
        problem = f"{quoted(issuer.service_account)} is a service account of the kit's own"
        yield Finding((*key, "service_account"), problem, "write another, like `site-issuer`")
    if issuer.service_account == "default":
        problem = "`default` is every pod's service account: each could ask Vault for certificates"
        yield Finding((*key, "service_account"), problem, "write another, like `site-issuer`")


@rule("monitoring")
def labels_are_the_platforms(site: Site) -> Iterator[Finding]:
    """No label by which Prometheus selects is one that the kit writes itself."""
    for label in site.monitoring.labels:
        if label.startswith(OWN_LABELS):
            problem = f"{quoted(label)} is a label that the kit writes itself"
            yield Finding(("monitoring", "labels", label), problem, "select by another, like `release`")


@rule("incumbent", "domain")
def the_incumbent_is_another_broker(site: Site) -> Iterator[Finding]:
    """The bridge does not lead from the site's broker to itself."""
    if site.incumbent.address in (site.mqtt_host, site.dashboard_host):
        problem = f"{quoted(site.incumbent.address)} is this broker's own name"
        yield Finding(("incumbent", "address"), problem, "write the DNS name of the broker that is replaced")


def _is_of_workers(name: str) -> bool:
    return any(name == own or name.startswith(f"{own}-") for own in OWN_TO_WORKERS)


RULES = (
    the_sites_name_is_free,
    the_domain_leaves_room_for_names,
    clients_names_fit_their_certificates,
    assets_are_not_called_as_what_is_said_to_devices,
    hosts_are_not_the_kits_own,
    keycloaks_own_names_stay_its_own,
    the_licence_is_in_a_secret_of_its_own,
    the_issuer_is_its_own,
    labels_are_the_platforms,
    the_incumbent_is_another_broker,
)
