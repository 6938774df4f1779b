"""EMQX's configuration for a site: TLS listeners only, and identities from certificates and tokens."""

from components import hocon, names
from components.settings import Settings
from model import Site

TLS_FOLDER = "/mounted/tls"
"""Where the broker's certificate and key are mounted."""
TRUST_FOLDER = "/mounted/trust"
"""Where the authorities are mounted that the broker believes."""
LICENCE_FOLDER = "/mounted/licence"
"""Where the licence is mounted, if the site has one."""

# EMQX takes an unknown root name without a word, so a slip would silently do nothing: we refuse it ourselves.
# Source: the 5.8.9 schemas of both editions, and the valid roots that those dumps hide
# (`rule_engine`, `overload_protection`, `crl_cache`, `node_rebalance`).
_COMMON_ROOTS = frozenset(
    {
        "actions",
        "alarm",
        "api_key",
        "authentication",
        "authorization",
        "cluster",
        "connectors",
        "crl_cache",
        "dashboard",
        "delayed",
        "durable_sessions",
        "durable_storage",
        "flapping_detect",
        "force_gc",
        "force_shutdown",
        "gateway",
        "listeners",
        "log",
        "mqtt",
        "node",
        "overload_protection",
        "plugins",
        "prometheus",
        "psk_authentication",
        "retainer",
        "rpc",
        "rule_engine",
        "slow_subs",
        "sources",
        "sys_topics",
        "sysmon",
    }
)
KNOWN_ROOTS = {
    "opensource": _COMMON_ROOTS | {"telemetry"},
    "enterprise": _COMMON_ROOTS
    | {"exhook", "opentelemetry", "license", "schema_registry", "file_transfer", "node_rebalance"},
}


class UnknownRootError(ValueError):
    """The configuration has a root that this edition does not know."""

    def __init__(self, edition: str, roots: set[str]) -> None:
        super().__init__(f"EMQX {edition} has no root {', '.join(sorted(roots))}")
        self.edition = edition
        self.roots = roots


def text(site: Site, settings: Settings) -> str:
    """Return the site's EMQX configuration as HOCON; raises UnknownRootError."""
    document = configuration(site, settings)
    check_roots(site.broker.edition, document)
    return hocon.render(document)


def check_roots(edition: str, document: hocon.Document) -> None:
    """Refuse a root that the edition does not know; raises UnknownRootError."""
    unknown = set(document) - KNOWN_ROOTS[edition]
    if unknown:
        raise UnknownRootError(edition, unknown)


def configuration(site: Site, settings: Settings) -> dict[str, hocon.Value]:
    """Return the site's EMQX configuration as values."""
    document: dict[str, hocon.Value] = {
        "listeners": _listeners(site),
        # The name in the certificate is the user name, whatever the client says it is.
        "mqtt": {"peer_cert_as_username": "cn"},
        "authentication": [_token_authentication(site, settings)],
        "authorization": _authorization(site),
        "dashboard": _dashboard(site),
        "prometheus": {"enable_basic_auth": True},
        "overload_protection": {"enable": True},
        "log": {"console": {"enable": True, "level": site.broker.log_level, "formatter": "json"}},
    }
    if site.broker.edition == "opensource":
        # Nothing at a site talks to a vendor.
        document["telemetry"] = {"enable": False}
    if site.broker.licence is not None:
        document["license"] = {"key": f"file://{LICENCE_FOLDER}/{site.broker.licence.key}"}
    return document


def _listeners(site: Site) -> hocon.Value:
    mqtts, wss = site.broker.listeners.mqtts, site.broker.listeners.wss
    return {
        # These two exist unless they are switched off.
        "tcp": {"default": {"enable": False}},
        "ws": {"default": {"enable": False}},
        "ssl": {
            "default": {
                "bind": mqtts.port,
                "max_connections": mqtts.max_connections,
                "max_conn_rate": str(mqtts.connection_rate),
                # A certificate is no step of EMQX's authentication chain: with the chain on, a device that
                # has nothing but its certificate would be refused. The handshake has authenticated it.
                "enable_authn": False,
                "ssl_options": _server_tls()
                | {
                    "cacertfile": f"{TRUST_FOLDER}/{names.TRUST_SITE}",
                    "verify": "verify_peer",
                    "fail_if_no_peer_cert": True,
                },
            }
        },
        "wss": {
            "default": {
                "bind": wss.port,
                "max_connections": wss.max_connections,
                "max_conn_rate": str(wss.connection_rate),
                # Browsers have no certificate: they bring a token.
                "enable_authn": True,
                "ssl_options": _server_tls() | {"verify": "verify_none"},
            }
        },
    }


def _server_tls() -> dict[str, hocon.Value]:
    return {
        "certfile": f"{TLS_FOLDER}/tls.crt",
        "keyfile": f"{TLS_FOLDER}/tls.key",
        "versions": ["tlsv1.3", "tlsv1.2"],
    }


def _token_authentication(site: Site, settings: Settings) -> hocon.Value:
    issuer = names.issuer_url(settings.keycloak_url, site)
    return {
        "mechanism": "jwt",
        "from": "password",
        "use_jwks": True,
        "endpoint": f"{issuer}/protocol/openid-connect/certs",
        "refresh_interval": 300,
        "ssl": _client_tls(names.TRUST_IDENTITY if settings.keycloak_ca else None),
        # The user name is the token's own, so that nobody speaks under another's name. EMQX 5.8.9 refuses a
        # token with several audiences, so the realm gives exactly one.
        "verify_claims": {
            "iss": issuer,
            "aud": names.AUDIENCE,
            "preferred_username": "${username}",
        },
        "disconnect_after_expire": True,
    }


def _authorization(site: Site) -> hocon.Value:
    return {
        # A policy server that fails counts as one that has no opinion: what nobody allows is denied.
        "no_match": "deny",
        "deny_action": "disconnect",
        "cache": {"enable": True, "max_size": 32, "ttl": "1m"},
        "sources": [
            {
                "type": "http",
                "enable": True,
                "method": "post",
                "url": names.decision_url(site),
                "connect_timeout": "5s",
                "request_timeout": "5s",
                "ssl": _client_tls(names.TRUST_SITE),
                # A flat map of texts: EMQX refuses a nested one.
                "body": {
                    "site": site.name,
                    "username": "${username}",
                    "clientid": "${clientid}",
                    "topic": "${topic}",
                    "action": "${action}",
                    "qos": "${qos}",
                    "retain": "${retain}",
                    "peerhost": "${peerhost}",
                    "cert_common_name": "${cert_common_name}",
                },
            }
        ],
    }


def _client_tls(authorities: str | None) -> dict[str, hocon.Value]:
    believed: dict[str, hocon.Value] = (
        {"cacertfile": f"{TRUST_FOLDER}/{authorities}"} if authorities else {"cacerts": True}
    )
    return {"enable": True, "verify": "verify_peer", **believed}


def _dashboard(site: Site) -> hocon.Value:
    return {
        "listeners": {
            "http": {"bind": 0},
            "https": {"bind": site.broker.dashboard_port, "ssl_options": _server_tls()},
        }
    }
