"""Addresses of identity: where logins return to, and where mail goes; each with what its pattern means."""

from typing import Annotated

from pydantic import StringConstraints

_RETURN = (
    r"^(https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?|http://127\.0\.0\.1)(/[A-Za-z0-9._~-]+)+/?$"
)
_HOST = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
_MAILBOX = r"^[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9])?@[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
MEANINGS = {
    _RETURN: (
        "an https:// address with a path and without wildcards, or `http://127.0.0.1/…` of the person's "
        "own machine (any port)"
    ),
    _HOST: "a host name in small letters, like `smtp.field.example`",
    _MAILBOX: "a mail address, like `iot@field.example`",
}
"""What each pattern means, in the words of an error's remedy."""

ReturnAddress = Annotated[str, StringConstraints(pattern=_RETURN, max_length=512)]
"""Where a login may return to: exactly this address."""
HostName = Annotated[str, StringConstraints(pattern=_HOST, max_length=253)]
Mailbox = Annotated[str, StringConstraints(pattern=_MAILBOX, max_length=254)]
