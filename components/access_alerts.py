"""Alerts on who comes in and what they may: connections fallen, handshakes, denials, bans, and changed checks."""

from collections.abc import Iterator, Mapping

from components import emqx_configuration, emqx_incumbent, emqx_integration
from components.alert import Alert, narrowed, selectors, window
from model import Site
from model.emqx.integration import Actions, Connectors
from model.slo import Recording

CONNECTIONS = "iot_broker:connections"
# Most of the last day: it still is what was usual 18 hours after everything fell, and forgets a test of an hour.
USUAL = "0.75"
USUAL_OVER = "1d"
# Below this, half of the connections are a person with a laptop.
ENOUGH_TO_HALVE = 10
# One gateway and its host are a whole site.
ENOUGH_TO_LOSE_ALL = 2
# As many handshakes fail as if the whole site tried again once in this time, in seconds.
FLEET_TRIES_WITHIN = 600
FEWEST_HANDSHAKES = 0.1
# esockd's words for what ends in the handshake, as EMQX counts them; `ssl_closed` is also a usual end.
HANDSHAKE_ENDS = "ssl_error|ssl_upgrade_timeout|tls_.*"
# A denied client is cut off, comes again and is banned: denials go on slowly.
DENIED_AT_LEAST = "0.02"
# EMQX's names of the kit's one source of permissions and one kind of login.
PERMISSIONS, LOGIN = "http", "jwt"


def recordings(site: Site) -> tuple[Recording, ...]:
    """Return what is recorded of who comes in."""
    nodes = f"max by (pod) (emqx_live_connections_count{selectors(site).broker})"
    return (Recording(CONNECTIONS, f"sum({nodes})"),)


def access_alerts(site: Site) -> Iterator[Alert]:
    """Yield the alerts on who comes in and what they may."""
    yield _connections(site)
    yield _handshakes(site)
    yield _everything_denied(site)
    yield _banned(site)
    yield _checks(site)
    yield _unknown(site)


def _connections(site: Site) -> Alert:
    now = f"{CONNECTIONS}{selectors(site).site}"
    usual = f"quantile_over_time({USUAL}, {now}[{USUAL_OVER}])"
    return Alert(
        "BrokerConnectionsFallen",
        "page",
        f"({now} < 0.5 * {usual} and {usual} >= {ENOUGH_TO_HALVE}) "
        f"or ({now} == 0 and {usual} >= {ENOUGH_TO_LOSE_ALL})",
        "5m",
        "Most clients are gone, and do not come back",
        "{{ $value }} clients are connected, less than half of what is usual: no one can come in, or their network is "
        "away.",
    )


def _handshakes(site: Site) -> Alert:
    broker, rate = selectors(site).broker, window(site)
    ends = narrowed(broker, f'reason=~"{HANDSHAKE_ENDS}"')
    failed = f"sum(rate(emqx_client_disconnected_reason{ends}[{rate}]))"
    accepted = f"(sum(rate(emqx_client_connected{broker}[{rate}])) or vector(0))"
    many = max(site.broker.load.connections / FLEET_TRIES_WITHIN, FEWEST_HANDSHAKES)
    return Alert(
        "BrokerHandshakesFail",
        "page",
        f"{failed} > {many:g} and {failed} > {accepted}",
        "5m",
        "More clients fail in the TLS handshake than come in",
        "{{ $value }} handshakes a second fail: certificates, their authorities or the revocation list are wrong.",
    )


def _everything_denied(site: Site) -> Alert:
    broker, rate = selectors(site).broker, window(site)
    denied = f"sum(rate(emqx_authorization_deny{broker}[{rate}]))"
    allowed = f"(sum(rate(emqx_authorization_allow{broker}[{rate}])) or vector(0))"
    return Alert(
        "PolicyDeniesEverything",
        "page",
        f"{denied} > {DENIED_AT_LEAST} and {denied} > 9 * {allowed}",
        "5m",
        "Nearly everything is denied",
        "{{ $value }} publishes and subscriptions a second are denied, and hardly any is allowed: the policy or "
        "its data are wrong.",
    )


def _banned(site: Site) -> Alert:
    return Alert(
        "ClientsBanned",
        "ticket",
        f"max(emqx_banned_count{selectors(site).access}) > 0",
        "1m",
        "Clients are banned for connecting again and again",
        f"{{{{ $value }}}} clients are shut out for {site.broker.protection.flapping.ban}: each came "
        f"{site.broker.protection.flapping.connections} times within {site.broker.protection.flapping.within}.",
    )


def _checks(site: Site) -> Alert:
    access = selectors(site).access

    def enabled(series: str, which: str) -> str:
        return f"(count({series}{narrowed(access, which)} == 1) or vector(0))"

    def other(series: str, which: str) -> str:
        return f"count({series}{narrowed(access, which)}) > 0"

    nodes = f"count(up{access} == 1)"
    return Alert(
        "BrokerAccessChecksChanged",
        "page",
        " or ".join(
            (
                f"{enabled('emqx_authz_enable', f'type={_quoted(PERMISSIONS)}')} < {nodes}",
                f"{enabled('emqx_authn_enable', f'id={_quoted(LOGIN)}')} < {nodes}",
                other("emqx_authz_enable", f"type!={_quoted(PERMISSIONS)}"),
                other("emqx_authn_enable", f"id!={_quoted(LOGIN)}"),
            )
        ),
        "5m",
        "The broker checks logins or permissions otherwise than deployed",
        "A check is off, or one was added that the site's data do not have: someone changed the broker past the site's "
        "data.",
    )


def _unknown(site: Site) -> Alert:
    rules = selectors(site).rules
    known = sorted({emqx_configuration.MARK, *emqx_integration.rules(site), *emqx_incumbent.rules(site)})
    actions = emqx_integration.actions(site).model_copy(update={"mqtt": emqx_incumbent.actions(site)})
    named = "|".join(integration_names(actions))
    other_rules = narrowed(rules, f'id!~"{"|".join(known)}"')
    # Where workers carry what is published, the broker's own actions are none at all.
    other_actions = narrowed(rules, f'id!~"(.*:)?({named})(:.*)?"' if named else 'id!=""')
    return Alert(
        "UnknownRulesAtBroker",
        "page",
        f"count(count by (id) (emqx_rule_enable{other_rules})) > 0 "
        f"or count(count by (id) (emqx_action_enable{other_actions})) > 0 "
        f"or max(emqx_connectors_count{rules}) > {len(integration_names(deployed_connectors(site)))}",
        "15m",
        "The broker runs rules that the site's data do not have",
        "{{ $value }} rules, actions or connectors are not the site's: they may publish or carry away anything.",
    )


def deployed_connectors(site: Site) -> Connectors:
    """Return all connectors of the site's broker."""
    return emqx_integration.connectors(site).model_copy(update={"mqtt": emqx_incumbent.connectors(site)})


def integration_names(section: Actions | Connectors) -> list[str]:
    """Return what is in the section, as EMQX names it: kind and name."""
    kinds: Mapping[str, Mapping[str, object] | None] = dict(section)
    return sorted(f"{kind}:{name}" for kind, named in kinds.items() for name in named or {})


def _quoted(text: str) -> str:
    return f'"{text}"'
