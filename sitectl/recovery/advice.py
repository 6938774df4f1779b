"""Names the next step when Pulumi's words are those of an interrupted deployment."""

import re

# A lock, operations under way, a sidecar that was cut off, and a second creation of what a killed run made, in the
# words of each server.
_INTERRUPTED = re.compile(
    r"stack is currently locked|pending operations? from previous deployment"
    r"|interrupted while (creating|updating|deleting)"
    r"|failed to load checkpoint: EOF|could not import deployment: EOF"
    r"|already exists|409 Conflict|path is already in use|(issuer|key) name already in use",
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
