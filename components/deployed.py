"""What a stack was last deployed with: the outputs that it exported then."""

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pulumi

# What the engine says of a state that is being written at this moment.
HALF_WRITTEN = "failed to load checkpoint"
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.05


class UnreadableOutputsError(Exception):
    """The stack's last outputs cannot be read: the engine's own words."""

    def __init__(self, stack: str, words: str) -> None:
        super().__init__(
            f"{stack}: what was deployed last cannot be read, and so not whether this goes with it: {words}\n"
            "    look whether the stack's back end answers, and do this again"
        )
        self.stack = stack


class Deployed:
    """The last deployment of the program's own stack, which is asked for once, and only when somebody looks."""

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs; none of a stack that was never deployed. Raises UnreadableOutputsError."""
        return _asked("readStackOutputs")

    @cached_property
    def resources(self) -> frozenset[str]:
        """The URNs of all that the stack's state holds. Raises UnreadableOutputsError."""
        return frozenset(_asked("readStackResourceOutputs"))


def _asked(function: str) -> Mapping[str, Any]:
    """Ask the engine for what it keeps of the program's own stack."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    # The first function takes the stack's name by one word, the second by another.
    argument = "name" if function == "readStackOutputs" else "stackName"
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = pulumi.runtime.invoke(f"pulumi:pulumi:{function}", {argument: stack})
        except Exception as error:  # noqa: BLE001 - the SDK raises nothing more precise
            if HALF_WRITTEN not in str(error) or time.monotonic() > give_up:
                raise UnreadableOutputsError(stack, str(error)) from None
            # The engine itself writes the file of the state, in place.
            time.sleep(PAUSE_SECONDS)
        else:
            return (answer.value or {}).get("outputs") or {}
