"""`sitectl rights SITE SERVER IDENTITY`: a file of rights that the kit ships, with the site's own names in it."""

import click


@click.command("rights")
@click.argument("site")
@click.argument("server", type=click.Choice(("vault", "kubernetes", "keycloak")))
@click.argument("identity")
@click.option("--json", "as_json", is_flag=True, help="Print the file as a text in JSON.")
def command(site: str, server: str, identity: str, as_json: bool) -> None:
    """Print what IDENTITY (deployer, review; at Vault also promoter) needs on SERVER, for its administrator.

    Asks no server. docs/rights.md says how each is applied.
    """
    from components import rights
    from model import SiteErrors, load_site
    from model.words import printable
    from sitectl import output, problems
    from sitectl.root import program_root

    known = rights.identities(server)
    if identity not in known:
        problems.refuse(
            f"{printable(identity)}: there is no such identity at {server}\n    name one of {', '.join(known)}"
        )
    try:
        found = load_site(program_root() / "stacks", site)
    except SiteErrors as errors:
        problems.refuse_data(errors.errors)
    text = rights.text(found, server, identity)
    if as_json:
        output.write_json({"site": site, "server": server, "identity": identity, "text": text})
    else:
        click.echo(text, nl=False)
