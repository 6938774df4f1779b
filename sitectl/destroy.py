"""`sitectl destroy SITE`: takes a whole site away, also a protected one, after a question; says what stays."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model import Site


@click.command("destroy")
@click.argument("site")
@click.option(
    "--bootstrap", is_flag=True, help="SITE's policies and logins instead, as Vault's administrator."
)
@click.option("--yes", is_flag=True, help="Do not ask, as a pipeline must say.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON; needs --yes.")
def command(site: str, bootstrap: bool, yes: bool, as_json: bool) -> None:
    """Delete everything that SITE's stack made: its CAs, its realm, its topics with their records, its broker.

    The stack's protection goes first: nothing of the site is protected any more if this is interrupted.
    """
    from model import SiteErrors, load_site
    from sitectl import output, problems
    from sitectl.recovery import mending
    from sitectl.recovery.advice import advice
    from sitectl.recovery.stack import Stack, StackError
    from sitectl.root import BOOTSTRAP, program_root

    root = program_root()
    stack = Stack(root / BOOTSTRAP if bootstrap else root, site)
    try:
        found = load_site(root / "stacks", site)
        document = stack.export()
        there = mending.live(document)
        if not there:
            problems.refuse(
                f"{site}: nothing is deployed\n    `pulumi stack rm {site}` removes the empty stack"
            )
        if mending.pending(document):
            problems.refuse(
                f"{site}: a deployment was interrupted, and the state does not have all that is there\n"
                f"    run `sitectl recover {site}` first"
            )
        protected = sum(bool(entry.get("protect")) for entry in there.values())
        if not yes:
            _ask(site, len(there), protected, as_json=as_json)
        if protected:
            stack.unprotect()
        stack.destroy(quiet=as_json)
    except SiteErrors as error:
        problems.refuse_data(error.errors)
    except StackError as error:
        help_ = advice(site, error.words)
        problems.refuse(f"{error}\n    {help_}" if help_ else str(error))
    stays = [] if bootstrap else what_stays(found)
    if as_json:
        output.write_json({"site": site, "deleted": len(there), "unprotected": protected, "stays": stays})
        return
    click.echo(f"\n{site} is gone: {len(there)} resources, {protected} of them were protected. What stays:")
    output.write_table(("what", "where", "how it goes"), [tuple(entry.values()) for entry in stays])


def what_stays(site: "Site") -> list[dict[str, str]]:
    """Return what a destroyed site leaves behind, each with where it is and how it goes."""
    wanted = site.platform.external_secrets
    secrets = wanted and [
        {
            "what": "the site's secrets",
            "where": f"Vault, {wanted.path}/{site.name}/",
            "how": f"vault kv metadata delete -mount={wanted.path} {site.name}/NAME, for each",
        }
    ]
    return [
        {
            "what": "policies and logins",
            "where": "Vault, and the stack in bootstrap/",
            "how": f"Vault's administrator: sitectl destroy {site.name} --bootstrap",
        },
        *(secrets or []),
        {
            "what": "the key of the state's secrets",
            "where": f"Vault, transit/keys/iot-broker-{site.name}",
            "how": "Vault's administrator, when no state needs it any more",
        },
        {
            "what": "volumes of the broker's nodes",
            "where": "the cluster, where their class retains them",
            "how": "kubectl get persistentvolumes",
        },
        {
            "what": "rights of who deploys and reviews",
            "where": "the cluster and Keycloak's realm master",
            "how": f"sitectl rights {site.name} kubernetes deployer | kubectl delete -f -",
        },
        {
            "what": "the empty stack with its history",
            "where": "Pulumi's back end",
            "how": f"pulumi stack rm {site.name}",
        },
    ]


def _ask(site: str, count: int, protected: int, *, as_json: bool) -> None:
    from sitectl import problems

    if as_json or not sys.stdin.isatty():
        problems.refuse(
            f"{site}: {count} resources would be deleted, {protected} of them protected\n    look, and say --yes"
        )
    click.echo(
        f"This deletes {count} resources of {site}, {protected} of them protected: its CAs, its realm, its topics with "
        "their records, its broker. Nothing brings them back.",
        err=True,
    )
    if (
        click.prompt(f"Write the site's name, {site}, to delete it", err=True, default="", show_default=False)
        != site
    ):
        problems.refuse(f"{site}: that is not its name, and nothing was changed")
