"""EMQX's configuration for a site: TLS listeners only, and identities from certificates and tokens."""

import hashlib
import json
from typing import Any

from components import (
    emqx_dashboard,
    emqx_incumbent,
    emqx_integration,
    emqx_listeners,
    emqx_nodes,
    hocon,
    names,
)
from components.emqx_mounts import LICENCE_FOLDER, client_tls
from components.settings import Settings
from model import Site
from model.emqx import Configuration, Unsupported, unsupported, values
from model.emqx.configuration import (
    CACHES_OF_NODES,
    OVERRIDES_CLIENT_ID,
    OWN_CLIENT_ID,
    AuditLog,
    AuthenticationSettings,
    Authorization,
    Cache,
    Console,
    Flapping,
    ForcedShutdown,
    License,
    Log,
    LoginCheck,
    Mqtt,
    NodeCache,
    PolicyServer,
    Prometheus,
    RetainedStore,
    Retainer,
    RevocationLists,
    Switch,
    TokenAuthentication,
)
from model.emqx.integration import Mark, RuleEngine, Sources
from model.emqx.protection import bounds
from model.emqx.roots import check_roots
from model.units import Duration

MARK = "configuration"
"""Name of the rule whose description marks the configuration."""
_DIGITS = 16


class UnsupportedKeysError(ValueError):
    """The configuration has keys that this edition or version does not know."""

    def __init__(self, edition: str, version: str, keys: tuple[Unsupported, ...]) -> None:
        super().__init__(f"EMQX {edition} {version} has no key {', '.join(key.path for key in keys)}")
        self.keys = keys


def text(site: Site, settings: Settings) -> str:
    """Return the site's EMQX configuration as HOCON, with its mark; raises UnknownRootError or UnsupportedKeysError."""
    found: dict[str, Any] = document(site, settings)
    engine = found["rule_engine"]
    marked = engine["rules"] | {MARK: values(Mark(description=_digest(site, found)))}
    return hocon.render(found | {"rule_engine": engine | {"rules": marked}})


def document(site: Site, settings: Settings) -> dict[str, hocon.Value]:
    """Return the configuration as plain values, without its mark.

    Raises UnknownRootError or UnsupportedKeysError.
    """
    broker = site.broker
    typed = configuration(site, settings)
    strange = tuple(unsupported(typed, broker.edition, broker.version_numbers))
    if strange:
        raise UnsupportedKeysError(broker.edition, broker.version, strange)
    plain: dict[str, hocon.Value] = dict(values(typed))
    check_roots(broker.edition, plain)
    return plain


def mark(site: Site, settings: Settings) -> str:
    """Return the text by which the site's broker is known from every other: 16 hexadecimal digits.

    It is the nodes' as much as the configuration's: what the operator keeps as taken has it once the operator has seen
    the resource as it is now, whatever was changed in it. No number in the resource's status says that.
    """
    return _digest(site, document(site, settings))


def _digest(site: Site, found: dict[str, hocon.Value]) -> str:
    broker = site.broker
    replicants = emqx_nodes.replicant_nodes(site, broker.replicants) if broker.replicants else None
    nodes = [broker.image.reference(broker.version), emqx_nodes.core_nodes(site), replicants]
    written = json.dumps([found, nodes], sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]


def configuration(site: Site, settings: Settings) -> Configuration:
    """Return the site's EMQX configuration, typed."""
    broker = site.broker
    limits = bounds(broker)
    enterprise = broker.edition == "enterprise"
    return Configuration(
        listeners=emqx_listeners.listeners(site, settings, limits),
        mqtt=Mqtt(
            **_client_ids(site),
            strict_mode=False,
            max_packet_size=broker.protection.largest_message,
            max_inflight=broker.protection.inflight,
            max_mqueue_len=limits.queue,
            max_awaiting_rel=limits.awaited,
            max_subscriptions=broker.protection.subscriptions,
            shared_subscription_strategy="sticky" if site.streams.by_worker else None,
        ),
        zones=emqx_listeners.zones(site, limits),
        authentication=(_login_check(site), _token_authentication(site, settings)),
        authentication_settings=AuthenticationSettings()
        if broker.version_numbers >= CACHES_OF_NODES
        else None,
        authorization=_authorization(site),
        dashboard=emqx_dashboard.dashboard(site, settings),
        overload_protection=Switch(enable=broker.protection.overload),
        flapping_detect=Flapping(
            max_count=broker.protection.flapping.connections,
            window_time=broker.protection.flapping.within,
            ban_time=broker.protection.flapping.ban,
        ),
        force_shutdown=ForcedShutdown(max_mailbox_size=limits.mailbox, max_heap_size=limits.client_memory),
        retainer=Retainer(
            max_payload_size=broker.protection.largest_message,
            backend=RetainedStore(max_retained_messages=limits.retained_messages),
        ),
        # Nobody needs the broker to hold messages back, and it would hold them in memory.
        delayed=Switch(enable=False),
        # Also where no list is asked for: what a site had before would stay otherwise, as with every root.
        crl_cache=RevocationLists(refresh_interval=Duration(900), http_timeout=Duration(15), capacity=100),
        log=Log(console=Console(level=broker.log_level), audit=AuditLog() if enterprise else None),
        # Where a key has no role, each is an administrator's: Prometheus gets none, and reads without (docs/access.md).
        prometheus=Prometheus(enable_basic_auth=broker.keys_have_roles),
        telemetry=None if enterprise else Switch(enable=False),
        **_integration(site),
        license=_licence(site) if enterprise or broker.licence else None,
    )


def _integration(site: Site) -> dict[str, Any]:
    """Return the roots of data integration: the way to Kafka, and the bridge to the incumbent while there is one."""
    return {
        "connectors": emqx_integration.connectors(site).model_copy(
            update={"mqtt": emqx_incumbent.connectors(site)}
        ),
        "actions": emqx_integration.actions(site).model_copy(update={"mqtt": emqx_incumbent.actions(site)}),
        "sources": Sources(mqtt=emqx_incumbent.sources(site)),
        "rule_engine": RuleEngine(rules=emqx_integration.rules(site) | emqx_incumbent.rules(site)),
    }


def _licence(site: Site) -> License:
    licence = site.broker.licence
    return License(key=f"file://{LICENCE_FOLDER}/{licence.key}" if licence else "default")


def _client_ids(site: Site) -> dict[str, Any]:
    """Return how the id of a client with a token is bound to its user name."""
    if site.broker.version_numbers < OVERRIDES_CLIENT_ID:
        return {"use_username_as_clientid": True}
    return {"clientid_override": OWN_CLIENT_ID}


def _login_check(site: Site) -> LoginCheck:
    """Return what is asked before a token is verified: EMQX takes tokens that never end (docs/adr/0032)."""
    return LoginCheck(
        url=names.login_url(site),
        connect_timeout=Duration(5),
        request_timeout=Duration(5),
        ssl=client_tls(names.TRUST_SITE),
        body={"site": site.name, "username": "${username}", "token": "${password}"},
    )


def _token_authentication(site: Site, settings: Settings) -> TokenAuthentication:
    issuer = names.issuer_url(settings.keycloak_url, site)
    return TokenAuthentication(
        endpoint=f"{issuer}/protocol/openid-connect/certs",
        refresh_interval=300,
        ssl=client_tls(names.TRUST_IDENTITY if settings.keycloak_ca else None),
        # The user name is the token's own, so that nobody speaks under another's name. EMQX 5.8.9 refuses a
        # token with several audiences, so the realm gives exactly one.
        verify_claims={"iss": issuer, "aud": names.AUDIENCE, "preferred_username": "${username}"},
    )


def _authorization(site: Site) -> Authorization:
    source = PolicyServer(
        url=names.decision_url(site),
        connect_timeout=Duration(5),
        request_timeout=Duration(5),
        ssl=client_tls(names.TRUST_SITE),
        body={
            "site": site.name,
            "username": "${username}",
            "clientid": "${clientid}",
            "topic": "${topic}",
            "action": "${action}",
            "qos": "${qos}",
            "retain": "${retain}",
            "peerhost": "${peerhost}",
            "cert_common_name": "${cert_common_name}",
            # Empty but for who came with a token that EMQX has verified.
            "realm": f"${{{names.CLIENT_ATTRIBUTES}.{names.REALM_ATTRIBUTE}}}",
            "holder": f"${{{names.CLIENT_ATTRIBUTES}.{names.HOLDER_ATTRIBUTE}}}",
        },
    )
    return Authorization(
        deny_action=site.broker.protection.deny_action,
        cache=Cache(max_size=site.broker.protection.decisions, ttl=Duration(60)),
        node_cache=NodeCache() if site.broker.version_numbers >= CACHES_OF_NODES else None,
        sources=(source,),
    )
