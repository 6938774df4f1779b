"""Rules of what one client may take: its bounds let in a message of the largest size, and do not kill the client."""

from collections.abc import Iterator

from model.rules.rule import Finding, rule
from model.site import Site
from model.units import Bytes
from model.words import quoted

# A message is in the memory of a client's process as it came, and as it was read.
COPIES_IN_MEMORY = 2
_KEY = ("broker", "protection")


@rule("broker")
def a_usual_message_is_no_larger_than_the_largest(site: Site) -> Iterator[Finding]:
    """The typical message is one that may be sent."""
    said = site.broker.protection
    if said.typical_message > said.largest_message:
        problem = f"{quoted(said.typical_message)} is larger than the largest message, {said.largest_message}"
        yield Finding((*_KEY, "typical_message"), problem, f"write {said.largest_message} or less")


@rule("broker")
def a_large_message_goes_through(site: Site) -> Iterator[Finding]:
    """One message of the largest size neither ends its client's process nor waits for ever."""
    said = site.broker.protection
    needed = Bytes(said.largest_message.count * COPIES_IN_MEMORY)
    if said.client_memory is not None and said.client_memory < needed:
        problem = (
            f"a message of {said.largest_message} ends a client's process at {quoted(said.client_memory)}"
        )
        yield Finding((*_KEY, "client_memory"), problem, f"write {needed} or more, or leave it out")
    if said.client_bytes is not None and said.client_bytes < said.largest_message:
        problem = (
            f"a message of {said.largest_message} never gets through {quoted(said.client_bytes)} a second"
        )
        yield Finding(
            (*_KEY, "client_bytes"), problem, f"write {said.largest_message} or more, or leave it out"
        )


@rule("broker")
def a_client_is_ended_before_its_node(site: Site) -> Iterator[Finding]:
    """A client's process is ended at less memory than a node has."""
    said = site.broker.protection.client_memory
    if said is not None and said >= site.broker.memory:
        problem = f"{quoted(said)} for one client is all the memory of its node, {site.broker.memory}"
        yield Finding((*_KEY, "client_memory"), problem, "write less, or leave it out")


RULES = (
    a_usual_message_is_no_larger_than_the_largest,
    a_large_message_goes_through,
    a_client_is_ended_before_its_node,
)
