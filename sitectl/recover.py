"""`sitectl recover SITE`: after a deployment that was killed, makes the stack's state what is there."""

import sys

import click


@click.command("recover")
@click.argument("site")
@click.option("--bootstrap", is_flag=True, help="The stack of SITE's bootstrap, as Vault's administrator.")
@click.option("--yes", is_flag=True, help="Answer every question with yes, as a pipeline must.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print what was done as JSON; needs --yes where it would ask."
)
def command(site: str, bootstrap: bool, yes: bool, as_json: bool) -> None:
    """Mend SITE's stack after an interrupted deployment, so that one `pulumi up` makes the site whole.

    Looks at the lock, at the operations that were under way, and on every server; imports what is there and not in the
    state, and clears what is not. It asks before it takes a lock away.
    """
    from components.settings import SettingsErrors
    from model import SiteErrors, load_site
    from sitectl import output, problems
    from sitectl.recovery.found import LookError
    from sitectl.recovery.recovering import StoppedError, recover
    from sitectl.recovery.stack import StackError
    from sitectl.root import program_root
    from sitectl.settings import SettingsFileError, load_settings

    def ask(question: str) -> bool:
        if yes:
            return True
        if as_json or not sys.stdin.isatty():
            problems.refuse(f"{site}: {question}\n    look, and say --yes")
        return click.confirm(question, err=True)

    root = program_root()
    try:
        found, settings = load_site(root / "stacks", site), load_settings(root, site)
        if not as_json:
            click.echo(f"Looking at the state and the servers of {site} ...", err=True)
        report = recover(root, found, settings, ask, bootstrap=bootstrap)
    except SiteErrors as error:
        problems.refuse_data(error.errors)
    except (SettingsErrors, SettingsFileError, StackError, LookError, StoppedError) as error:
        problems.refuse(str(error))
    if as_json:
        output.write_json(
            {
                "site": site,
                "locks": report.locks,
                "pending": report.pending,
                "done": [one.__dict__ for one in report.done],
                "resources": report.resources,
            }
        )
        return
    where = " --cwd bootstrap" if bootstrap else ""
    if report.done:
        rows = [(one.server, one.kind, one.name, one.what) for one in report.done]
        output.write_table(("server", "kind", "name", "done"), rows)
    else:
        click.echo("Nothing was amiss: no lock, nothing under way, and the state is what the servers have.")
    click.echo(f"\nThe state holds {report.resources} resources. Next: pulumi up --stack {site}{where}")
