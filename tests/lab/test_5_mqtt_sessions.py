"""Whose session is whose at the site's real door, whatever a client calls itself."""

from components import names
from model import Site
from tests.support.front import Front


def test_a_device_that_calls_itself_another_is_still_itself(front: Front, site: Site) -> None:
    domain = names.client_domain(site, "device")
    other = f"pump-6.{domain}"
    certificate = front.enrolled("device", "pump-5")
    with front.device(certificate, login=(other, "anything")) as device:
        assert device.publish(f"{site.name}/pump-5.{domain}/flow", "4.2") == "Success"
        assert device.publish(f"{site.name}/{other}/flow", "4.2") == "Not authorized"


def test_a_device_does_not_take_over_the_session_of_another(front: Front, site: Site) -> None:
    own = f"pump-11.{names.client_domain(site, 'device')}"
    with (
        front.device(front.enrolled("device", "pump-11"), own) as device,
        front.device(front.enrolled("device", "pump-12"), own) as other,
    ):
        assert other.subscribe(f"{site.name}/pump-12.{names.client_domain(site, 'device')}/command/#") == (
            "Granted QoS 1"
        )
        assert device.publish(f"{site.name}/{own}/flow", "4.2") == "Success"
        assert device.ended.empty()


def test_a_device_is_itself_by_whatever_client_id_it_comes(front: Front, site: Site) -> None:
    own = f"pump-13.{names.client_domain(site, 'device')}"
    certificate = front.enrolled("device", "pump-13")
    with front.device(certificate, "one") as first, front.device(certificate, "incumbent_in_1") as second:
        # One certificate has one session: the second is the first, come again.
        assert first.end() == "Session taken over"
        assert second.publish(f"{site.name}/{own}/flow", "4.2") == "Success"


def test_a_person_does_not_take_over_the_session_of_a_device(front: Front, site: Site, token: str) -> None:
    own = f"pump-14.{names.client_domain(site, 'device')}"
    with (
        front.device(front.enrolled("device", "pump-14")) as device,
        front.person("operator-1", token, own) as person,
    ):
        assert person.subscribe(f"{site.name}/#") == "Granted QoS 1"
        assert device.publish(f"{site.name}/{own}/flow", "4.2") == "Success"
