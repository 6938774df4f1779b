"""Who publishes and reads what at the site's door with a certificate, and who is denied, in real MQTT sessions.

The door is the lab's broker, told by the site's own EMQX configuration whom to ask and what for.
"""

import base64

import pytest

from components import names
from model import Site
from model.contracts import EdgeFlow, OtMirror, read_contracts
from model.contracts.keeping import may
from tests.support.front import Front
from tests.support.variants import STACKS


def test_a_device_publishes_under_its_own_name_and_a_service_reads_it(front: Front, site: Site) -> None:
    pump = f"pump-2.{names.client_domain(site, 'device')}"
    with (
        front.device(front.enrolled("service", "historian"), "historian") as historian,
        front.device(front.enrolled("device", "pump-2")) as device,
    ):
        assert historian.subscribe(f"{site.name}/#") == "Granted QoS 1"
        assert device.publish(f"{site.name}/{pump}/flow", "4.2") == "Success"
        assert historian.next() == (f"{site.name}/{pump}/flow", "4.2")


def test_a_device_takes_its_own_commands(front: Front, site: Site) -> None:
    pump = f"pump-3.{names.client_domain(site, 'device')}"
    with front.device(front.enrolled("device", "pump-3")) as device:
        assert device.subscribe(f"{site.name}/{pump}/command/#") == "Granted QoS 1"


def test_an_edge_gateway_speaks_sparkplug(front: Front, site: Site) -> None:
    node = f"gw-1.{names.client_domain(site, 'gateway')}"
    with front.device(front.enrolled("gateway", "gw-1"), "gw-1") as gateway:
        assert gateway.publish(f"spBv1.0/{site.name}/NBIRTH/{node}", "birth") == "Success"


def test_the_ot_mirror_publishes_under_ot(front: Front, site: Site) -> None:
    with front.device(front.enrolled("mirror", "plant"), "mirror") as mirror:
        assert mirror.publish(f"ot/{site.name}/separator/pressure", "41.5") == "Success"


@pytest.mark.parametrize(
    ("name", "client"), [("ot-mirror", "mirror"), ("edge-flow", "gateway"), ("edge-flow", "device")]
)
def test_a_neighbour_does_what_its_contract_says(name: str, client: str, front: Front, site: Site) -> None:
    """The other end of each contract, with its own certificate; a service reads what it sends."""
    contract = read_contracts(STACKS)[name].value
    assert isinstance(contract, OtMirror | EdgeFlow)
    own = f"end-1.{names.client_domain(site, client)}"
    done = set()
    with (
        front.device(front.enrolled("service", "reader"), f"reader-{client}") as reader,
        front.device(front.enrolled(client, "end-1"), f"end-{client}") as neighbour,
    ):
        for space in (f"{site.name}/#", f"spBv1.0/{site.name}/#", f"ot/{site.name}/#"):
            assert reader.subscribe(space) == "Granted QoS 1"
        for message in (found for found in contract.messages if may(site, client, found)):
            done.add(message.name)
            topic = message.example.topic.replace("{site}", site.name).replace("{name}", own)
            if message.direction == "subscribe":
                assert neighbour.subscribe(topic) == "Granted QoS 1", message.name
                continue
            sent = (message.example.text or "").encode() or base64.b64decode(message.example.base64 or "")
            # Always with an acknowledgement, which is how the broker says that it took the message.
            assert neighbour.publish(topic, sent) == "Success", message.name
            received = reader.received.get(timeout=10)
            assert (received.topic, received.payload) == (topic, sent)
    others = {message.name for message in contract.messages if not may(site, client, message)}
    assert done
    # What a gateway does not do a device does, and the other way round; the mirror does everything.
    assert (
        not others
        if client == "mirror"
        else all(
            may(site, {"gateway": "device", "device": "gateway"}[client], message)
            for message in contract.messages
            if message.name in others
        )
    )


@pytest.mark.parametrize(
    "topic",
    ["{site}/pump-9.devices.{domain}/flow", "{site}", "elsewhere/{own}/flow", "spBv1.0/{site}/NDATA/{own}"],
)
def test_a_device_that_publishes_elsewhere_is_denied_and_cut_off(
    front: Front, site: Site, topic: str
) -> None:
    own = f"pump-4.{names.client_domain(site, 'device')}"
    filled = topic.format(site=site.name, domain=site.domain, own=own)
    with front.device(front.enrolled("device", "pump-4")) as device:
        assert device.publish(filled, "4.2") == "Not authorized"
        assert device.end() == "Not authorized"


@pytest.mark.parametrize("kind", ["device", "gateway", "service"])
def test_nobody_but_the_mirror_publishes_under_ot(front: Front, site: Site, kind: str) -> None:
    with front.device(front.enrolled(kind, "intruder"), f"intruder-{kind}") as client:
        assert client.publish(f"ot/{site.name}/separator/pressure", "0") == "Not authorized"
        assert client.end() == "Not authorized"


def test_the_mirror_reads_nothing(front: Front, site: Site) -> None:
    with front.device(front.enrolled("mirror", "plant"), "mirror") as mirror:
        assert mirror.subscribe(f"{site.name}/#") == "Not authorized"
        assert mirror.end() == "Not authorized"


def test_the_host_that_the_site_names_speaks_to_gateways(front: Front, site: Site) -> None:
    node = f"gw-2.{names.client_domain(site, 'gateway')}"
    with (
        front.device(front.enrolled("gateway", "gw-2")) as gateway,
        front.device(front.enrolled("service", "scada-karnes")) as host,
    ):
        for space in ("spBv1.0/STATE/#", f"spBv1.0/{site.name}/NCMD/{node}"):
            assert gateway.subscribe(space) == "Granted QoS 1"
        assert host.publish("spBv1.0/STATE/karnes", "online") == "Success"
        assert host.publish(f"spBv1.0/{site.name}/NCMD/{node}", "rebirth") == "Success"
        assert gateway.next() == ("spBv1.0/STATE/karnes", "online")
        assert gateway.next() == (f"spBv1.0/{site.name}/NCMD/{node}", "rebirth")
        # More than the site's file says, even of the host.
        assert host.publish(f"spBv1.0/{site.name}/DCMD/{node}/pump", "stop") == "Not authorized"


@pytest.mark.parametrize(
    "topic", ["spBv1.0/STATE/karnes", "spBv1.0/{site}/NCMD/gw-2", "{site}/pump-2/command/stop"]
)
@pytest.mark.parametrize("kind", ["service", "gateway", "device"])
def test_nobody_else_speaks_to_devices(front: Front, site: Site, kind: str, topic: str) -> None:
    with front.device(front.enrolled(kind, "not-the-host")) as client:
        assert client.publish(topic.format(site=site.name), "0") == "Not authorized"
