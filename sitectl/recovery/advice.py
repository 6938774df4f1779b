"""Names the next step when Pulumi's words are those of an interrupted deployment."""

import re

_INTERRUPTED = re.compile(
    "|".join(
        (
            "stack is currently locked",
            "pending operations? from previous deployment",
            "interrupted while (creating|updating|deleting)",
            # Files of the state that were cut off.
            "failed to load checkpoint: EOF",
            "could not import deployment: EOF",
            "unexpected end of JSON input",
            # A second creation of what a killed run made, in the words of each server.
            "already exists",
            "409 Conflict",
            "path is already in use",
            "(issuer|key) name already in use",
        )
    ),
    re.IGNORECASE,
)


def advice(site: str, words: str) -> str:
    """Return one sentence with the command that helps; empty when the words are others."""
    if _INTERRUPTED.search(words) is None:
        return ""
    return (
        f"a deployment was interrupted: run `sitectl recover {site}`, then what you wanted to do "
        "(runbooks/interrupted-deployment.md)"
    )
