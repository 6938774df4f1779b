"""What preflight looks at: one module per server, each giving a list of `Finding`s."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    `area` is where (`vault`), `what` is what was looked at, `detail` what was found, and `remedy` how to put it right;
    an empty remedy means that all is well, or, where `looked` is false, that it is not known.
    """

    area: str
    what: str
    detail: str
    remedy: str = ""
    looked: bool = True

    @property
    def passed(self) -> bool:
        """Whether nothing has to be done."""
        return not self.remedy


class Unreachable(Exception):
    """A server that did not answer; `address` is where it was asked, `reason` why it failed."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address}: {reason}")
        self.address = address
        self.reason = reason
