"""Makes the stand-in store what the official plugin may store of an object that it waited for: an older one.

After an update on a busy machine the official awaiter hands back the object of its watch, which may not have the
update yet. That is what the state keeps, and what the next preview compares with: it shows updates of what is as it
should be, until a refresh. Here that happens always, where the environment asks for it, so that a test can rely on it.
"""

from __future__ import annotations

import os

from lab.plugins.kubernetes import live, readiness
from lab.plugins.kubernetes.kinds import ObjectKind
from lab.plugins.values import Object, plain

VARIABLE = "IOT_BROKER_KUBERNETES_STORES_OLDER"
"""Set to `1` for the plugin to behave so."""
AWAITED = frozenset(
    {
        ObjectKind("apps/v1", "Deployment"),
        readiness.STATEFUL_SET,
        readiness.JOB,
        ObjectKind("v1", "Service"),
    }
)
"""Kinds that are waited for unasked, of those that the stand-in covers."""


def stores_older(kind: ObjectKind, inputs: Object) -> bool:
    """Whether an update of such an object leaves an older one in the state."""
    if os.environ.get(VARIABLE) != "1" or readiness.skips_waiting(inputs):
        return False
    return kind in AWAITED or live.annotation(inputs, readiness.WAIT_FOR) is not None


def compared(outputs: Object, old_inputs: Object) -> Object:
    """What new inputs are compared with: the stored object, as far as the program said it before."""
    stored: Object = plain(live.inputs(plain(outputs), plain(old_inputs)))
    return stored
