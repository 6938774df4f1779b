"""`sitectl rights SITE SERVER IDENTITY`: a file of rights that the kit ships, with the site's own names in it."""

import click


@click.command("rights")
@click.argument("site")
@click.argument("server", type=click.Choice(("vault", "kubernetes", "keycloak")))
@click.argument("identity")
def command(site: str, server: str, identity: str) -> None:
    """Print what IDENTITY (deployer, review; at Vault also promoter) needs on SERVER, for its administrator.

    Asks no server. docs/rights.md says how each is applied.
    """
    from components import rights
    from model import SiteErrors, load_site
    from sitectl import problems
    from sitectl.root import program_root

    known = rights.identities(server)
    if identity not in known:
        problems.refuse(
            f"{identity}: there is no such identity at {server}\n    name one of {', '.join(known)}"
        )
    try:
        found = load_site(program_root() / "stacks", site)
    except SiteErrors as errors:
        problems.refuse(problems.worded(errors.errors))
    click.echo(rights.text(found, server, identity), nl=False)
