"""The keycloak stand-in answers what the official plugin answered, request by request, at a real Keycloak."""

import json
from dataclasses import replace

import pytest

from tests.lab.conformance.replay import Deviation, Exchange, PluginProcess, Replay, load, unexplained
from tests.support.shell import Shell

RECORDED_REALM = "eagle-ford"
REPLAYED_REALM = "recorded-site"
"""Not a site's realm: the lab of the tests may have one of the recorded name."""

DEVIATIONS = (
    Deviation(
        reason="the end of a name that the program does not give is chance",
        method="Check",
        urn="keycloak:openid/client:Client::.*",
        path=r"inputs\.name",
    ),
)

AT_THE_SERVER = (
    Deviation(
        reason="the recorded plugin, 6.13.0, does not know this field; 6.14.1 gives its default",
        urn="keycloak:index/realm:Realm::.*",
        path=r".*bruteForceDetection\.maxSecondaryAuthFailures",
    ),
)
"""And what only a realm that is made shows."""

CHOSEN_BY_KEYCLOAK = (r"properties\.clientSecret\.value", r"properties\.serviceAccountUserId")


@pytest.fixture
def recording() -> list[Exchange]:
    found = load("keycloak")
    if found is None:
        pytest.skip("the recordings of the official plugins are not on this machine (IOT_BROKER_REFERENCE)")
    return [_renamed(exchange) for exchange in found]


def _renamed(exchange: Exchange) -> Exchange:
    texts = (json.dumps(part) for part in (exchange.request, exchange.response))
    request, response = (json.loads(text.replace(RECORDED_REALM, REPLAYED_REALM)) for text in texts)
    return replace(exchange, request=request, response=response)


def test_checks_and_differences_need_no_server(recording: list[Exchange]) -> None:
    settings = {"url": "https://127.0.0.1:1", "clientId": "admin-cli", "initialLogin": "false"}
    credentials = {"KEYCLOAK_USER": "nobody", "KEYCLOAK_PASSWORD": "nothing"}
    with PluginProcess("keycloak", credentials) as plugin:
        replay = Replay(plugin, settings)
        replay.run_offline(recording)
    assert unexplained(replay.differences, DEVIATIONS) == []


def test_every_recorded_request_is_answered_alike(recording: list[Exchange], shell: Shell) -> None:
    settings = {
        "url": shell.environment["KEYCLOAK_URL"],
        "rootCaCertificate": shell.authority.read_text(),
        "clientTimeout": "15",
    }
    with PluginProcess("keycloak", {**shell.environment, **shell.administration}) as plugin:
        replay = Replay(plugin, settings, varying=CHOSEN_BY_KEYCLOAK)
        replay.run(recording, before={})
    assert unexplained(replay.differences, (*DEVIATIONS, *AT_THE_SERVER)) == []
