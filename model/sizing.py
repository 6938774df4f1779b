"""What a node of the broker must be to carry a load: published figures, and the sizes that follow from them."""

from decimal import ROUND_CEILING, Decimal

from model.units import Bytes

# EMQX's own figure for 5.8: 40,000 messages a second in and out at QoS 1 on 4 vCPU and 8 GiB, 128 B each, at
# about 75 % CPU.
MESSAGES_PER_CORE = 10_000
# The kit's own assumption, to be replaced by measurement: a TLS connection with its session and queues takes
# 64 KiB, and half of a node's memory is there for connections; the rest is for queues, retained messages and EMQX.
BYTES_PER_CONNECTION = 64 * 1024
SHARE_FOR_CONNECTIONS = 2
# Above this part of what is carried it is time to order more: a new node is not there in a day.
TIME_TO_ADD = Decimal("0.7")
# A node whose size is derived is no smaller: EMQX's own work needs room beside the clients'.
FEWEST_CORES = Decimal(2)
LEAST_MEMORY = Bytes(4 * 2**30)
_GIBIBYTE = 2**30


def cores_for(messages: Decimal, nodes: int) -> Decimal:
    """Return the cores, in halves, with which each of the nodes carries the messages before it is time to add."""
    halves = messages / TIME_TO_ADD / (nodes * MESSAGES_PER_CORE) * 2
    return max(halves.to_integral_value(ROUND_CEILING) / 2, Decimal("0.5"))


def memory_for(connections: int, nodes: int) -> Bytes:
    """Return the memory, in whole GiB, with which each of the nodes holds the connections before it is time to add."""
    needed = connections * BYTES_PER_CONNECTION * SHARE_FOR_CONNECTIONS / TIME_TO_ADD / nodes
    return Bytes(int((needed / _GIBIBYTE).to_integral_value(ROUND_CEILING)) * _GIBIBYTE)
