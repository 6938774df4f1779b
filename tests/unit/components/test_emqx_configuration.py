"""What the broker is told is in EMQX's own schema, of its edition and version, and names secrets by file alone."""

import re

import pytest
from pydantic import ValidationError

from components.broker_secrets import broker_slots
from components.emqx_configuration import UnsupportedKeysError, configuration, document
from components.emqx_nodes import core_nodes
from components.recording import Composition
from components.settings import Settings
from model.broker import Licence
from model.emqx import Configuration, declared
from model.emqx.configuration import Dashboard, License
from model.emqx.integration import KafkaLogin, MqttConnector
from model.emqx.roots import KNOWN_ROOTS, LATER_ROOTS, UnknownRootError, check_roots
from model.listeners import Listener, ZoneListener
from model.units import Rate
from tests.support import emqx_hidden
from tests.support.emqx_schema import EmqxSchema
from tests.support.variants import PHASES, Variants


def test_a_licence_is_named_by_file_never_by_value(eagle_ford: Composition, settings: Settings) -> None:
    broker = eagle_ford.site.broker.model_copy(
        update={"edition": "enterprise", "licence": Licence(secret="licence", key="emqx.lic")}
    )
    values = document(eagle_ford.site.model_copy(update={"broker": broker}), settings)
    assert values["license"] == {"key": "file:///mounted/licence/emqx.lic"}


def test_a_root_that_the_edition_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownRootError) as error:
        check_roots("opensource", ["mqtt", "license", "mtqq"])
    assert error.value.roots == {"license", "mtqq"}


def test_a_key_of_the_other_edition_is_refused(eagle_ford: Composition, settings: Settings) -> None:
    broker = eagle_ford.site.broker.model_copy(update={"licence": Licence(secret="licence", key="emqx.lic")})
    with pytest.raises(UnsupportedKeysError) as error:
        document(eagle_ford.site.model_copy(update={"broker": broker}), settings)
    assert [key.path for key in error.value.keys] == ["license"]


@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("revocation", ["none", "crl", "ocsp"])
def test_each_setting_is_in_emqx_own_schema(
    phase: str, edition: str, revocation: str, variants: Variants, settings: Settings
) -> None:
    schema = EmqxSchema.load(edition)
    door = Listener(port=8885, max_connections=50, connection_rate=Rate(10))
    for site in variants(phase, edition):
        zones = tuple(
            ZoneListener(name=zone.name, port=8890 + number, max_connections=9, connection_rate=Rate(9))
            for number, zone in enumerate(site.network.zones)
        )
        doors = site.broker.listeners.model_copy(update={"gateway": door, "zones": zones})
        broker = site.broker.model_copy(update={"revocation": revocation, "listeners": doors})
        values = document(site.model_copy(update={"broker": broker}), settings)
        assert schema.problems(values) == [], site.name


@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
def test_our_table_of_roots_has_each_root_of_emqx_own_schema(edition: str) -> None:
    assert EmqxSchema.load(edition).roots == KNOWN_ROOTS[edition] - emqx_hidden.ROOTS.keys()


@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
def test_each_root_that_can_be_written_is_one_that_its_edition_knows(edition: str) -> None:
    written = {
        path for path, key in declared(Configuration).items() if "." not in path and edition in key.editions
    }
    assert written <= KNOWN_ROOTS[edition] | LATER_ROOTS[edition]


@pytest.mark.parametrize("version", ["5.8.9", "5.10.4", "6.0.3", "6.3.1"])
def test_the_cookie_is_the_operators_own_in_every_version(
    variants: Variants, settings: Settings, version: str
) -> None:
    """`emqx ctl` compares the text of `node.cookie` with the running cookie, and does not read a file for it."""
    (site,) = (site for site in variants("pilot", "enterprise") if site.name == "eagle-ford")
    site = site.model_copy(update={"broker": site.broker.model_copy(update={"version": version})})
    assert "node" not in document(site, settings)
    assert "node" not in declared(Configuration)
    assert not [volume for volume in core_nodes(site)["extraVolumes"] if "cookie" in volume["name"]]
    assert not [name for name in broker_slots(site) if "cookie" in name]


def test_no_key_that_is_declared_names_a_secret_but_by_its_file() -> None:
    secrets = {path for path in declared(Configuration) if re.search("password|secret|cookie|token", path)}
    # All are of the type that takes nothing but a mounted file.
    assert secrets == {
        "dashboard.sso.oidc.secret",
        "connectors.kafka_producer.*.authentication.password",
        "connectors.mqtt.*.password",
        # This one takes nothing but the empty text.
        "dashboard.default_password",
    }
    with pytest.raises(ValidationError):
        Dashboard.model_validate({"listeners": {}, "default_password": "written out"})
    with pytest.raises(ValidationError):
        KafkaLogin(username="eagle-ford-broker", password="written out")
    assert MqttConnector.model_fields["password"].metadata == KafkaLogin.model_fields["password"].metadata
    with pytest.raises(ValidationError):
        License(key="MjIwMTEx")


def test_what_is_configured_is_the_typed_form(eagle_ford: Composition, settings: Settings) -> None:
    assert isinstance(configuration(eagle_ford.site, settings), Configuration)
