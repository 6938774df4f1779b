"""What the lab's incumbent broker does itself, before anything bridges to it."""

import pytest

from lab.waiting import wait_until
from tests.support.incumbent import Incumbent
from tests.support.mqtt import Refused


def test_the_incumbent_shares_a_subscription_so_that_each_message_comes_once(incumbent: Incumbent) -> None:
    with incumbent.client("one") as one, incumbent.client("two") as two, incumbent.client("device") as device:
        for member in (one, two):
            assert member.subscribe("$share/eagle-ford-bridge/Field/#", qos=2) == "Granted QoS 2"
        for number in range(20):
            assert device.publish(f"Field/pump-{number}/flow", str(number)) == "Success"
        wait_until(lambda: one.received.qsize() + two.received.qsize() >= 20, 10, "all messages come")
        came = sorted(int(member.next()[1]) for member in (one, two) for _ in range(member.received.qsize()))
        assert came == list(range(20))


def test_the_incumbent_refuses_a_wrong_password(incumbent: Incumbent) -> None:
    with pytest.raises(Refused, match="Bad user name or password"), incumbent.client("x", password="wrong"):
        pass
