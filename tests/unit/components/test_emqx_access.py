"""Who a client of the broker is and what it may: nobody borrows an identity, and what no policy allows is denied."""

from dataclasses import replace

import pytest

from components.recording import Composition
from components.settings import Settings
from tests.support.told import told, told_with


def test_a_device_without_certificate_is_cut_off_in_the_handshake(
    composition: Composition, settings: Settings
) -> None:
    tls = told(composition, settings)["listeners"]["ssl"]["default"]["ssl_options"]
    assert tls["verify"] == "verify_peer"
    assert tls["fail_if_no_peer_cert"] is True


def test_a_device_is_who_its_certificate_says(composition: Composition, settings: Settings) -> None:
    values = told(composition, settings)
    assert values["mqtt"]["peer_cert_as_username"] == "cn"
    assert values["listeners"]["ssl"]["default"]["enable_authn"] is False


def test_a_client_id_is_whose_it_is(composition: Composition, settings: Settings) -> None:
    mqtt = told(composition, settings)["mqtt"]
    assert mqtt["peer_cert_as_clientid"] == "cn"
    assert mqtt["clientid_override"] == "coalesce(cn, concat([username, '/', clientid]))"
    assert "use_username_as_clientid" not in mqtt


def test_an_emqx_that_cannot_make_client_ids_takes_the_user_name(
    eagle_ford: Composition, settings: Settings
) -> None:
    mqtt = told_with(eagle_ford, settings, version="5.8.2")["mqtt"]
    assert mqtt["peer_cert_as_clientid"] == "cn"
    assert mqtt["use_username_as_clientid"] is True
    assert "clientid_override" not in mqtt


def test_a_browser_brings_a_token_of_the_realm_for_the_broker_under_its_own_name(
    eagle_ford: Composition, settings: Settings
) -> None:
    values = told(eagle_ford, settings)
    assert values["listeners"]["wss"]["default"]["enable_authn"] is True
    _, token = values["authentication"]
    assert token["verify_claims"] == {
        "iss": "https://keycloak.example:8443/realms/eagle-ford",
        "aud": "mqtt",
        "preferred_username": "${username}",
    }


def test_without_an_own_authority_for_keycloak_the_systems_are_believed(
    eagle_ford: Composition, settings: Settings
) -> None:
    _, token = told(eagle_ford, replace(settings, keycloak_ca=None))["authentication"]
    assert token["ssl"] == {"enable": True, "verify": "verify_peer", "cacerts": True}


def test_what_is_no_good_token_is_refused_before_it_is_verified(
    composition: Composition, settings: Settings
) -> None:
    check, token = told(composition, settings)["authentication"]
    # EMQX asks one after the other until one decides: the first can refuse, and the second alone lets in.
    assert (check["mechanism"], check["backend"], check["method"]) == ("password_based", "http", "post")
    assert token["mechanism"] == "jwt"
    assert check["url"] == f"https://opa.{composition.site.namespace}.svc:8181/v0/data/iot/login/decision"
    assert check["ssl"]["verify"] == "verify_peer"
    assert check["body"] == {
        "site": composition.site.name,
        "username": "${username}",
        "token": "${password}",
    }


def test_the_policy_server_hears_what_a_verified_token_says(
    composition: Composition, settings: Settings
) -> None:
    (source,) = told(composition, settings)["authorization"]["sources"]
    assert source["body"]["realm"] == "${client_attrs.realm}"
    assert source["body"]["holder"] == "${client_attrs.holder}"
    # What a client says of itself when it connects must set no such attribute.
    assert "client_attrs_init" not in told(composition, settings)["mqtt"]


def test_what_no_policy_allows_is_denied_and_disconnects(
    composition: Composition, settings: Settings
) -> None:
    authorization = told(composition, settings)["authorization"]
    assert (authorization["no_match"], authorization["deny_action"]) == ("deny", "disconnect")
    assert [source["type"] for source in authorization["sources"]] == ["http"]


def test_a_site_may_have_its_clients_keep_their_sessions(eagle_ford: Composition, settings: Settings) -> None:
    values = told_with(eagle_ford, settings, protection={"deny_action": "ignore"})
    assert (values["authorization"]["no_match"], values["authorization"]["deny_action"]) == ("deny", "ignore")


def test_the_policy_server_is_asked_over_tls_with_a_flat_map_of_texts(
    composition: Composition, settings: Settings
) -> None:
    (source,) = told(composition, settings)["authorization"]["sources"]
    assert source["url"] == f"https://opa.{composition.site.namespace}.svc:8181/v0/data/iot/mqtt/decision"
    assert source["ssl"]["verify"] == "verify_peer"
    assert all(isinstance(value, str) for value in source["body"].values())


def test_a_session_remembers_as_many_decisions_as_the_site_says(
    eagle_ford: Composition, settings: Settings
) -> None:
    assert told(eagle_ford, settings)["authorization"]["cache"]["max_size"] == 256
    values = told_with(eagle_ford, settings, protection={"decisions": 1000})
    assert values["authorization"]["cache"]["max_size"] == 1000


@pytest.mark.parametrize(
    ("revocation", "keys"),
    [("none", set()), ("crl", {"enable_crl_check"}), ("ocsp", {"ocsp"})],
)
def test_revocation_is_noticed_as_the_site_chose(
    eagle_ford: Composition, settings: Settings, revocation: str, keys: set[str]
) -> None:
    values = told_with(eagle_ford, settings, revocation=revocation)
    tls = values["listeners"]["ssl"]["default"]["ssl_options"]
    assert tls.keys() & {"enable_crl_check", "ocsp"} == keys
    # How lists are kept is always said: the operator would leave standing what a site had before.
    assert values["crl_cache"].keys() == {"refresh_interval", "http_timeout", "capacity"}
