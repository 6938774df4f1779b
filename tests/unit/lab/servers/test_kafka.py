"""The super user of the lab's Kafka comes first among its users, wherever Kafka puts them into a HashMap."""

import pytest

from lab.servers.kafka import SUPER_USER


def place(name: str, buckets: int) -> int:
    """Return the bucket of a string in Java's HashMap of so many buckets, a power of two."""
    code = 0
    for character in name:
        code = (31 * code + ord(character)) % 2**32
    return (code ^ code >> 16) % buckets


def test_the_place_is_javas() -> None:
    # As JDK 25 prints `new HashSet<>(List.of("broker", "eagle-ford-edge", "edge", "lab", "observer"))`.
    printed = ["observer", "edge", "eagle-ford-edge", "lab", "broker"]
    assert sorted(printed, key=lambda name: place(name, 16)) == printed


@pytest.mark.parametrize("buckets", [2**power for power in range(4, 12)])
def test_no_user_comes_before_the_super_user(buckets: int) -> None:
    assert place(SUPER_USER, buckets) == 0
