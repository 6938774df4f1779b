"""The roots of EMQX's configuration that the kit writes, and the sections below them.

Source: the schema of EMQX 5.8.9, both editions. `overload_protection`, `rule_engine`, `crl_cache` and `zones` are valid
roots that the schema's dump leaves out.
"""

from typing import Annotated, Literal

from pydantic import Field

from model.base import Port
from model.emqx.integration import Actions, Connectors, RuleEngine, Sources
from model.emqx.listeners import Listeners, ZoneName
from model.emqx.section import Key, MountedFile, SecretFile, Section, SecureAddress
from model.protection import DenyAction
from model.units import Bytes, Duration

Count = Annotated[int, Field(ge=1)]
ENTERPRISE = Key(editions=("enterprise",))
OPENSOURCE = Key(editions=("opensource",))
OVERRIDES_CLIENT_ID = (5, 8, 3)
"""The first version that can make a client's id of what is known of the client (emqx#14195)."""
OWN_CLIENT_ID: Literal["coalesce(cn, concat([username, '/', clientid]))"] = (
    "coalesce(cn, concat([username, '/', clientid]))"
)


CACHES_OF_NODES = (6, 2, 0)
"""The first version whose nodes remember answers for all of their clients unless they are told not to."""


class Mqtt(Section):
    """What holds for every client."""

    # The name in the certificate is the user name, whatever the client says it is.
    peer_cert_as_username: Literal["cn"] = "cn"
    # So is the client id: nobody takes over another's session. A certificate has one session.
    peer_cert_as_clientid: Literal["cn"] = "cn"
    # With a token the id begins with the user name, which the token vouches for; where EMQX cannot do that, it is it.
    clientid_override: Annotated[
        Literal["coalesce(cn, concat([username, '/', clientid]))"] | None, Key(since=OVERRIDES_CLIENT_ID)
    ] = None
    use_username_as_clientid: Literal[True] | None = None
    strict_mode: Literal[False]
    """Whether text that is no UTF-8 ends a session already where a packet is read; its default changes with 6.3."""
    max_packet_size: Bytes
    max_inflight: Annotated[int, Field(ge=1, le=65535)]
    max_mqueue_len: Count
    max_awaiting_rel: Count
    max_subscriptions: Count
    shared_subscription_strategy: Literal["sticky"] | None = None
    """Which of those that share a subscription gets a message: all of a client's connection go to one of them.

    It stays the same one when others come or go. When that one, or the client, connects anew, EMQX chooses again by
    chance (emqx_shared_sub.erl keeps process numbers of both); any other strategy then moves more clients than that.
    """


class ClientTls(Section):
    """TLS towards a server that the broker asks; its certificate is always checked."""

    enable: Literal[True] = True
    verify: Literal["verify_peer"] = "verify_peer"
    cacertfile: MountedFile | None = None
    cacerts: Literal[True] | None = None


class TokenAuthentication(Section):
    """Keycloak's tokens, checked with the realm's published keys."""

    mechanism: Literal["jwt"] = "jwt"
    # EMQX names it `from`, which Python keeps for itself.
    from_: Annotated[Literal["password"], Field(serialization_alias="from")] = "password"
    use_jwks: Literal[True] = True
    endpoint: SecureAddress
    refresh_interval: Count
    """Seconds."""
    ssl: ClientTls
    verify_claims: dict[str, str]
    acl_claim_name: Literal["acl"] = "acl"
    disconnect_after_expire: Literal[True] = True


class LoginCheck(Section):
    """OPA, asked before a token is verified: it refuses, or leaves the decision to what stands behind it."""

    mechanism: Literal["password_based"] = "password_based"
    backend: Literal["http"] = "http"
    method: Literal["post"] = "post"
    url: SecureAddress
    connect_timeout: Duration
    request_timeout: Duration
    ssl: ClientTls
    body: dict[str, str]


class Cache(Section):
    """Decisions that each client's session remembers."""

    enable: Literal[True] = True
    max_size: Count
    ttl: Duration


class NodeCache(Section):
    """Answers that a node remembers for all of its clients: off, so that what was taken away is not given for longer.

    Each session remembers decisions for a minute already. The default changes with 6.2.
    """

    enable: Literal[False] = False


class AuthenticationSettings(Section):
    """What holds for the whole chain of authentication."""

    node_cache: NodeCache = NodeCache()


class PolicyServer(Section):
    """OPA, asked over HTTPS with a flat map of texts (EMQX refuses a nested one)."""

    type: Literal["http"] = "http"
    enable: Literal[True] = True
    method: Literal["post"] = "post"
    url: SecureAddress
    connect_timeout: Duration
    request_timeout: Duration
    ssl: ClientTls
    body: dict[str, str]


class Authorization(Section):
    """Who may do what: what no source allows is denied.

    A policy server that fails counts as one that has no opinion.
    """

    no_match: Literal["deny"] = "deny"
    deny_action: DenyAction
    cache: Cache
    node_cache: Annotated[NodeCache | None, Key(editions=("enterprise",), since=CACHES_OF_NODES)] = None
    sources: Annotated[tuple[PolicyServer, ...], Field(min_length=1)]


class PlainDashboard(Section):
    """The dashboard's plain listener: off, which EMQX says with port 0."""

    bind: Literal[0] = 0


class DashboardTls(Section):
    """TLS of the dashboard."""

    certfile: MountedFile
    keyfile: MountedFile
    versions: tuple[Literal["tlsv1.3", "tlsv1.2"], ...] = ("tlsv1.3", "tlsv1.2")


class SecureDashboard(Section):
    """The dashboard's and API's TLS listener."""

    bind: Port
    ssl_options: DashboardTls


class DashboardListeners(Section):
    """The dashboard's listeners."""

    http: PlainDashboard = PlainDashboard()
    https: SecureDashboard


class OpenIdConnect(Section):
    """The dashboard's login with Keycloak; who comes in for the first time may look, and no more."""

    enable: Literal[True] = True
    backend: Literal["oidc"] = "oidc"
    provider: Literal["generic"] = "generic"
    issuer: SecureAddress
    clientid: str
    secret: SecretFile
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name_var: Literal["${preferred_username}"] = "${preferred_username}"
    dashboard_addr: SecureAddress
    require_pkce: Literal[True] = True
    ssl: ClientTls


class SignOn(Section):
    """Logins by somebody else's account."""

    oidc: OpenIdConnect


class Dashboard(Section):
    """Dashboard and API.

    With an empty `default_password` EMQX makes no user of its own, so that nobody signs in by a password.
    """

    listeners: DashboardListeners
    default_password: Literal[""] | None = None
    sso: Annotated[SignOn | None, ENTERPRISE] = None


class Prometheus(Section):
    """The metrics' endpoint: with an API key, or, where each key may do everything, without one.

    Without one it answers GET with figures, and nothing else; network policies say who reaches it.
    """

    enable_basic_auth: bool


class Switch(Section):
    """Something that is on or off."""

    enable: bool


class Flapping(Section):
    """A client that connects again and again is banned for a while."""

    enable: Literal[True] = True
    max_count: Count
    window_time: Duration
    ban_time: Duration


class ForcedShutdown(Section):
    """A client's process that grows too big is ended before it takes the node with it."""

    max_mailbox_size: Count
    max_heap_size: Bytes


class ZoneMqtt(Section):
    """What holds for the clients of one zone in place of what holds for all."""

    max_inflight: Annotated[int, Field(ge=1, le=65535)]
    max_mqueue_len: Count
    max_awaiting_rel: Count
    # Else what is published at QoS 0 is gone for a worker that is away, or that Kafka holds up.
    mqueue_store_qos0: Literal[True] = True
    session_expiry_interval: Duration


class Zone(Section):
    """Settings for the clients of the listeners that name the zone; `force_shutdown` is of a whole session."""

    mqtt: ZoneMqtt
    force_shutdown: ForcedShutdown


class RetainedStore(Section):
    """Where retained messages are: in the memory of every core node."""

    type: Literal["built_in_database"] = "built_in_database"
    storage_type: Literal["ram", "disc"] = "ram"
    max_retained_messages: Count


class Retainer(Section):
    """Retained messages."""

    max_payload_size: Bytes
    backend: RetainedStore


class RevocationLists(Section):
    """How revocation lists are fetched."""

    refresh_interval: Duration
    http_timeout: Duration
    capacity: Count


class Console(Section):
    """The log that Kubernetes collects."""

    enable: Literal[True] = True
    level: Literal["debug", "info", "notice", "warning", "error"]
    formatter: Literal["json"] = "json"


class AuditLog(Section):
    """Who changed what, by dashboard, API or command line."""

    enable: Literal[True] = True


class Log(Section):
    """Logs."""

    console: Console
    audit: Annotated[AuditLog | None, ENTERPRISE] = None


class License(Section):
    """The licence's key; `default` is EMQX's own, which each version has built in."""

    key: SecretFile | Literal["default"]


class Configuration(Section):
    """The whole configuration; a root that is not here cannot be written.

    Which roots are written follows from the edition alone, and a root that may be empty is written as empty: EMQX's
    operator has only the roots replaced that are present, so that one that is left out keeps what was there before.
    `node` is none of them: the operator makes the cookie, and `emqx ctl` cannot read one from a file.
    """

    listeners: Listeners
    mqtt: Mqtt
    # Left out without workers and a bridge that is one: a zone that no listener names does nothing.
    zones: dict[ZoneName, Zone] | None = None
    authentication: tuple[LoginCheck, TokenAuthentication]
    authentication_settings: Annotated[
        AuthenticationSettings | None, Key(editions=("enterprise",), since=CACHES_OF_NODES)
    ] = None
    authorization: Authorization
    dashboard: Dashboard
    prometheus: Prometheus
    overload_protection: Switch
    flapping_detect: Flapping
    force_shutdown: ForcedShutdown
    retainer: Retainer
    delayed: Switch
    crl_cache: RevocationLists
    log: Log
    connectors: Connectors
    actions: Actions
    sources: Sources = Sources()
    rule_engine: RuleEngine
    # Nothing at a site talks to a vendor.
    telemetry: Annotated[Switch | None, OPENSOURCE] = None
    license: Annotated[License | None, ENTERPRISE] = None
