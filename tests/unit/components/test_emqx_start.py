"""How a node starts: by its security profile, and, where it writes to Kafka itself, not before Kafka answers."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from components import emqx_nodes
from components.emqx_configuration import document
from components.emqx_nodes import WAIT_FOR_KAFKA
from components.recording import OFFLINE
from model import Site
from model.broker import Replicants
from model.emqx.section import unsupported
from model.units import Duration
from tests.support.composing import compose
from tests.support.variants import EDITIONS, Variants

# The script by itself: what EMQX would be says that it was started.
SAYS = [sys.executable, "-c", "import sys; print('started', *sys.argv[1:])", "foreground"]


def of(variants: Variants, edition: str, **broker: Any) -> Site:
    (site,) = (site for site in variants("pilot", edition) if site.name == "eagle-ford")
    return site.model_copy(update={"broker": site.broker.model_copy(update=broker)})


def both(site: Site) -> tuple[dict[str, Any], dict[str, Any]]:
    return emqx_nodes.core_nodes(site), emqx_nodes.replicant_nodes(
        site, Replicants(replicas=2, autoscaling=None)
    )


def test_a_node_that_writes_to_kafka_waits_for_it_as_long_as_the_site_says(variants: Variants) -> None:
    site = of(variants, "enterprise")
    for nodes in both(site):
        shell, option, script, _, host, port, seconds, *emqx = nodes["args"]
        assert (shell, option, script) == ("/bin/bash", "-c", WAIT_FOR_KAFKA)
        assert f"{host}:{port}" == site.streams.cluster.bootstrap
        assert int(seconds) == site.streams.wait_at_start.seconds
        assert emqx == ["/opt/emqx/bin/emqx", "foreground"]
        probe = nodes["startupProbe"]
        # It is not killed while it waits, nor while EMQX starts then.
        assert probe["periodSeconds"] * probe["failureThreshold"] >= int(seconds) + 300
        assert probe["httpGet"] == nodes["livenessProbe"]["httpGet"]


def test_a_node_that_goes_over_the_bridge_starts_at_once(variants: Variants) -> None:
    for nodes in both(of(variants, "opensource")):
        assert not {"args", "startupProbe"} & nodes.keys()


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        yield server.getsockname()[1]


def begun(port: int, seconds: int) -> "subprocess.Popen[str]":
    command = ["/bin/bash", "-c", WAIT_FOR_KAFKA, "start", "127.0.0.1", str(port), str(seconds), *SAYS]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]})


def ended(process: "subprocess.Popen[str]") -> str:
    said, _ = process.communicate(timeout=60)
    return said.strip()


def test_it_starts_at_once_where_kafka_answers() -> None:
    with listening() as port:
        began = time.monotonic()
        assert ended(begun(port, 600)) == "started foreground"
        assert time.monotonic() - began < 30


def test_it_waits_until_kafka_answers() -> None:
    with listening() as port:
        pass
    process = begun(port, 600)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=2)
    with listening(port):
        assert ended(process) == "started foreground"


def test_it_starts_without_kafka_when_its_patience_is_over() -> None:
    with listening() as port:
        pass
    began = time.monotonic()
    assert ended(begun(port, 2)) == "started foreground"
    assert time.monotonic() - began >= 2
    assert ended(begun(port, 0)) == "started foreground"


def test_the_topics_and_users_are_there_before_the_broker(variants: Variants) -> None:
    for edition in EDITIONS:
        composition = compose(of(variants, edition))
        needed = set(composition.one("EMQX").depends_on)
        for kind in ("KafkaTopic", "KafkaUser"):
            assert {made.urn for made in composition.of(kind)} <= needed, kind


def test_another_wait_is_another_template_and_so_approved(variants: Variants) -> None:
    site = of(variants, "enterprise")
    streams = site.streams.model_copy(update={"wait_at_start": Duration(0)})
    later = site.model_copy(update={"streams": streams})
    assert emqx_nodes.core_nodes(later) != emqx_nodes.core_nodes(site)


@pytest.mark.parametrize(
    ("version", "hardened"), [("5.8.9", False), ("6.2.3", False), ("6.3.0", True), ("6.3.1", True)]
)
def test_the_profile_is_hardened_where_there_is_one(
    variants: Variants, version: str, *, hardened: bool
) -> None:
    for nodes in both(of(variants, "enterprise", version=version)):
        found = {variable["name"]: variable.get("value") for variable in nodes.get("env", [])}
        assert (found.get("EMQX_SECURITY_PROFILE") == "hardened") is hardened


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_listener_is_at_an_address_and_the_dashboard_at_its_port(
    edition: str, variants: Variants
) -> None:
    site = of(variants, edition)
    values: Any = document(site, OFFLINE)
    for kind in ("ssl", "wss"):
        for name, listener in values["listeners"][kind].items():
            address, _, port = listener["bind"].rpartition(":")
            assert (address, port.isdigit()) == ("0.0.0.0", True), name  # noqa: S104 - what is rendered
    # Operator 2.3 would strip an address in the place of the port that it saw first, and with it the dashboard.
    assert values["dashboard"]["listeners"]["https"]["bind"] == site.broker.dashboard_port


@pytest.mark.parametrize(
    ("version", "caches"), [("5.8.9", False), ("6.1.4", False), ("6.2.3", True), ("6.3.1", True)]
)
def test_what_changes_its_default_is_said(variants: Variants, version: str, *, caches: bool) -> None:
    values: Any = document(of(variants, "enterprise", version=version), OFFLINE)
    assert values["mqtt"]["strict_mode"] is False
    assert ("authentication_settings" in values) is caches
    assert ("node_cache" in values["authorization"]) is caches
    if caches:
        assert values["authentication_settings"] == {"node_cache": {"enable": False}}
        assert values["authorization"]["node_cache"] == {"enable": False}


def test_a_key_of_a_later_version_is_refused_in_an_earlier_one(variants: Variants) -> None:
    from components.emqx_configuration import configuration

    typed = configuration(of(variants, "enterprise", version="6.3.1"), OFFLINE)
    found = {key.path for key in unsupported(typed, "enterprise", (6, 1, 4))}
    assert found == {"authentication_settings", "authorization.node_cache"}
