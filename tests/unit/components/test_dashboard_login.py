"""Nobody comes to the dashboard but through Keycloak: by EMQX's own login, or by a proxy that admits administrators."""

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from components.emqx_configuration import document
from components.recording import Composition
from components.requirements import needed_apis, needed_secrets
from components.settings import Settings
from model.scaling import Autoscaling
from model.units import Percentage
from tests.support.composing import compose, compose_broker
from tests.support.variants import EDITIONS, Variants


def proxied(composition: Composition) -> Any:
    text = composition.one("ConfigMap", "dashboard-proxy").inputs["data"]["oauth2-proxy.cfg"]
    return tomllib.loads(text)


@pytest.mark.parametrize(
    ("edition", "paths"),
    [
        ("enterprise", ["/oauth2/callback", "/api/v5/sso/oidc/callback"]),
        ("opensource", ["/oauth2/callback"]),
    ],
)
def test_a_login_comes_back_to_the_proxy_and_to_emqx(
    edition: str, paths: list[str], variants: Variants
) -> None:
    for site in variants("pilot", edition):
        client = compose(site).one("Client", f"{site.name}-emqx-dashboard").inputs
        assert client["validRedirectUris"] == [f"https://{site.dashboard_host}:18084{path}" for path in paths]


def test_the_enterprise_dashboard_signs_in_with_keycloak_itself(
    variants: Variants, settings: Settings
) -> None:
    for site in variants("pilot", "enterprise"):
        values: Any = document(site, settings)
        login = values["dashboard"]["sso"]["oidc"]
        assert login["issuer"] == f"{settings.keycloak_url}/realms/{site.name}"
        assert login["secret"] == "file:///mounted/login/client-secret"
        assert login["require_pkce"] is True
        assert login["ssl"]["verify"] == "verify_peer"
        composition = compose(site)
        mounts = composition.one("EMQX").spec["coreTemplate"]["spec"]["extraVolumes"]
        assert {"name": "login", "secret": {"secretName": "dashboard-login"}} in mounts


def test_no_user_with_a_password_stands_beside_keycloaks_in_the_enterprise_edition(
    variants: Variants, settings: Settings
) -> None:
    """EMQX makes its first administrator of `dashboard.default_password`, and none of an empty one."""
    for site in variants("pilot", "enterprise"):
        values: Any = document(site, settings)
        assert values["dashboard"]["default_password"] == ""
        spec = compose_broker(site).one("EMQX").spec
        for template in ("coreTemplate", "replicantTemplate"):
            assert "env" not in spec.get(template, {}).get("spec", {})
        assert "broker-administrator" not in needed_secrets(site)


def test_the_opensource_dashboard_has_a_first_administrator_behind_the_proxy(
    variants: Variants, settings: Settings
) -> None:
    for site in variants("pilot", "opensource"):
        values: Any = document(site, settings)
        # Neither the well-known password nor one that is written out.
        assert "default_password" not in values["dashboard"]
        (variable,) = compose_broker(site).one("EMQX").spec["coreTemplate"]["spec"]["env"]
        assert variable["name"] == "EMQX_DASHBOARD__DEFAULT_PASSWORD"
        assert "broker-administrator" in needed_secrets(site)


def test_the_proxy_admits_the_groups_of_administrators_alone(eagle_ford: Composition) -> None:
    told = proxied(eagle_ford)
    assert told["allowed_groups"] == ["site-engineers"]
    claim = eagle_ford.one("GroupMembershipProtocolMapper").inputs
    assert (claim["claimName"], claim["fullPath"], claim["addToIdToken"]) == (
        told["oidc_groups_claim"],
        False,
        True,
    )
    # The token that the broker takes has what it had.
    assert claim["addToAccessToken"] is False


def test_the_proxy_speaks_tls_on_both_sides_and_holds_no_secret(eagle_ford: Composition) -> None:
    told = proxied(eagle_ford)
    assert told["https_address"] == ":8443"
    assert "http_address" not in told
    assert told["upstreams"] == ["https://broker-dashboard.iot-eagle-ford.svc:18084"]
    assert (told["cookie_secure"], told["cookie_httponly"], told["code_challenge_method"]) == (
        True,
        True,
        "S256",
    )
    assert not any("secret" in key for key in told)
    (container,) = eagle_ford.one("Deployment", "dashboard-proxy").spec["template"]["spec"]["containers"]
    assert "args" not in container
    assert container["command"][-1].endswith("exec oauth2-proxy --config=/settings/oauth2-proxy.cfg")


def test_a_renewed_certificate_starts_the_proxy_anew(eagle_ford: Composition, tmp_path: Path) -> None:
    """The very commands, with files of this test's own."""
    (container,) = eagle_ford.one("Deployment", "dashboard-proxy").spec["template"]["spec"]["containers"]
    (tmp_path / "oauth2-proxy").write_text("#!/bin/sh\n")
    (tmp_path / "oauth2-proxy").chmod(0o755)

    def run(command: list[str]) -> int:
        moved = [
            word.replace("/tls/", f"{tmp_path}/").replace("/loaded/", f"{tmp_path}/") for word in command
        ]
        # The image's own `sha256sum` has `-s` for silence; others call it `--status`.
        moved = ["--status" if word == "-s" else word for word in moved]
        paths = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return subprocess.run(moved, check=False, env=paths, capture_output=True).returncode

    probe = container["livenessProbe"]["exec"]["command"]
    (tmp_path / "tls.crt").write_text("one")
    assert run(container["command"]) == 0
    assert run(probe) == 0
    (tmp_path / "tls.crt").write_text("renewed")
    assert run(probe) != 0
    assert run(container["command"]) == 0
    assert run(probe) == 0


def test_the_proxy_starts_anew_when_its_settings_change(eagle_ford: Composition) -> None:
    def digest(composition: Composition) -> str:
        template = composition.one("Deployment", "dashboard-proxy").spec["template"]
        return str(template["metadata"]["annotations"]["iot-broker/settings"])

    site = eagle_ford.site
    other = site.model_copy(update={"domain": "elsewhere.field.example"})
    assert digest(compose(site)) == digest(eagle_ford)
    assert digest(compose(other)) != digest(eagle_ford)


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_dashboards_port_is_open_to_the_proxy_prometheus_and_the_operator_alone(
    variants: Variants, edition: str
) -> None:
    """Its API is the broker's administration, and in the opensource edition its figures ask for no key."""
    for site in variants("pilot", edition):
        composition = compose(site)
        rules = composition.one("NetworkPolicy", "broker").spec["ingress"]
        (rule,) = [rule for rule in rules if 18084 in [port["port"] for port in rule["ports"]]]
        operator, prometheus, proxy = rule["from"]
        space = "kubernetes.io/metadata.name"
        assert operator["namespaceSelector"]["matchLabels"][space] == "emqx-operator-system"
        assert prometheus == {
            "namespaceSelector": {"matchLabels": {space: "monitoring"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
        }
        labels = composition.one("Deployment", "dashboard-proxy").spec["template"]["metadata"]["labels"]
        assert proxy["podSelector"]["matchLabels"].items() <= labels.items()


def test_to_look_at_the_enterprise_dashboard_takes_a_role(variants: Variants) -> None:
    """EMQX itself lets in every user of the realm, as one who looks; the proxy before it asks for a group."""
    (site,) = (found for found in variants("pilot", "enterprise") if found.name == "eagle-ford")
    assert proxied(compose(site))["allowed_groups"] == ["site-engineers", "operators", "pumpers"]


def test_a_proxy_that_scales_itself_has_no_number_of_its_own(eagle_ford: Composition) -> None:
    dashboard = eagle_ford.site.identity.dashboard
    proxy = dashboard.proxy.model_copy(
        update={"autoscaling": Autoscaling(maximum=4, cpu=Percentage.parse("70%"))}
    )
    identity = eagle_ford.site.identity.model_copy(
        update={"dashboard": dashboard.model_copy(update={"proxy": proxy})}
    )
    site = eagle_ford.site.model_copy(update={"identity": identity})
    composition = compose(site)
    assert "replicas" not in composition.one("Deployment", "dashboard-proxy").spec
    assert composition.one("HorizontalPodAutoscaler").spec["scaleTargetRef"]["name"] == "dashboard-proxy"
    assert "HorizontalPodAutoscaler" in {api.kind for api in needed_apis(site)}


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_broker_waits_for_the_secret_of_its_login(edition: str, variants: Variants) -> None:
    for site in variants("pilot", edition):
        composition = compose(site)
        assert composition.one("Secret", "dashboard-login").urn in composition.one("EMQX").depends_on
