"""The one resource that a destruction meets first: protected, and dependent on everything else of its stack.

Pulumi destroys in reverse order of dependency, and leaves what a protected resource depends on. Without a preview it
would begin with everything on which no protected resource depends, for the program does not run (docs/adr/0046).
"""

import pulumi

NAME = "safeguard"


def safeguard(site: str, held: pulumi.ComponentResource, *, protect: bool) -> None:
    """Hold everything in `held`, which must be complete; the safeguard lives in the state alone, on no server.

    It is there also where a site is not protected, so that taking the protection away is an update and no deletion.
    """
    pulumi.Stash(
        f"{site}-{NAME}",
        input=f"`sitectl destroy {site}` takes the site away",
        # A component as a dependency is all that is in it.
        opts=pulumi.ResourceOptions(protect=protect, depends_on=[held]),
    )
