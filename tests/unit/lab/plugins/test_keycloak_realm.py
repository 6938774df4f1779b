"""A realm's properties become Keycloak's representation and come back as the official plugin keeps them."""

from typing import Any

import pytest

from lab.plugins.keycloak.durations import DurationError
from lab.plugins.keycloak.realm import properties, representation

PLANNED: dict[str, Any] = {
    "realm": "eagle-ford",
    "enabled": True,
    "sslRequired": "external",
    "accessTokenLifespan": "5m",
    "securityDefenses": {"bruteForceDetection": {"maxLoginFailures": 5.0, "permanentLockout": False}},
}


def test_durations_are_sent_in_seconds() -> None:
    assert representation(PLANNED)["accessTokenLifespan"] == 300


def test_durations_that_are_not_given_are_left_to_keycloak() -> None:
    assert "ssoSessionIdleTimeout" not in representation(PLANNED)


def test_a_duration_that_is_none_is_refused() -> None:
    with pytest.raises(DurationError):
        representation(PLANNED | {"accessTokenLifespan": "5 minutes"})


def test_a_theme_that_is_not_given_is_not_sent() -> None:
    assert "loginTheme" not in representation(PLANNED)
    assert representation(PLANNED | {"loginTheme": "keycloak"})["loginTheme"] == "keycloak"


def test_brute_force_detection_is_on_exactly_where_it_is_given() -> None:
    assert representation(PLANNED)["bruteForceProtected"] is True
    assert representation(PLANNED)["failureFactor"] == 5
    assert representation(PLANNED | {"securityDefenses": None})["bruteForceProtected"] is False


def test_flows_that_are_not_given_are_the_built_in_ones() -> None:
    assert representation(PLANNED)["browserFlow"] == "browser"


def test_durations_come_back_in_gos_canonical_form() -> None:
    assert (
        properties({"realm": "eagle-ford", "accessTokenLifespan": 300}, PLANNED)["accessTokenLifespan"]
        == "5m0s"
    )


def test_only_the_attributes_that_the_state_manages_come_back() -> None:
    found = {"realm": "eagle-ford", "attributes": {"ours": "1", "cibaInterval": "5"}}
    assert properties(found, {"attributes": {"ours": "0"}})["attributes"] == {"ours": "1"}
    assert properties(found, {})["attributes"] == {}


def test_headers_come_back_where_the_state_has_no_defenses_or_has_headers() -> None:
    found = {
        "realm": "eagle-ford",
        "bruteForceProtected": True,
        "browserSecurityHeaders": {"xRobotsTag": "none"},
    }
    assert properties(found, {})["securityDefenses"]["headers"]["xRobotsTag"] == "none"
    assert properties(found, PLANNED)["securityDefenses"]["headers"] is None


def test_the_mail_servers_password_is_the_one_that_the_state_knows() -> None:
    found = {
        "realm": "eagle-ford",
        "smtpServer": {"host": "mail", "from": "a@b", "auth": "true", "user": "u", "password": "**********"},
    }
    state = {"smtpServer": {"auth": {"username": "u", "password": "known"}}}
    assert properties(found, state)["smtpServer"]["auth"]["password"] == "known"
