"""The verb `lab`: starts, stops and shows the embedded lab, and makes a shell in which its servers are reached."""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import click

from sitectl.entry import INTERRUPTED

if TYPE_CHECKING:
    from lab.estate import Estate, ServerStatus
    from lab.story import Story
    from model import Site

DEFAULT_LAB = "demo"
MIB = 2**20
FOLLOW_SECONDS = 0.2

Parameters = ParamSpec("Parameters")


@click.group(name="lab", no_args_is_help=True)
def command() -> None:
    """Start, stop and look at the embedded lab: real servers on loopback, simulated nodes.

    The environment variable IOT_BROKER_LAB names the lab (default: demo); labs of different names run side by side.
    """


def _told(function: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Turn what can go wrong into sentences and an exit code; into JSON where that is asked for."""

    @functools.wraps(function)
    def wrapper(*arguments: Parameters.args, **named: Parameters.kwargs) -> None:
        from lab.errors import LabError, explanation
        from lab.tools.errors import ToolError
        from sitectl import problems

        try:
            function(*arguments, **named)
        except LabError as error:
            problems.refuse(explanation(error))
        except ToolError as error:
            problems.refuse(str(error))
        except KeyboardInterrupt:
            words = "stopped by Ctrl-C\n    continue with `sitectl lab up`, or end the lab with `sitectl lab down`"
            sys.exit(problems.failed(words, INTERRUPTED, as_json=bool(named.get("as_json"))))

    return wrapper


def _as_json(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


@command.command()
@click.argument("sites", nargs=-1)
@click.option("--only", multiple=True, metavar="SERVER", help="Start this server and what it needs.")
@_as_json("the servers, and what was deployed,")
@_told
def up(sites: tuple[str, ...], only: tuple[str, ...], *, as_json: bool) -> None:
    """Build what is missing, start what does not run yet, and deploy SITES, where they are named.

    To deploy a site is to make its policies and logins in Vault as its administrator does, and to run `pulumi up`.
    """
    from lab.tools.terminal import shown
    from sitectl import output

    if sites and only:
        raise click.UsageError("a site needs every server: leave out --only, or the sites")
    _refuse_unknown(sites)
    estate = _estate()
    with output.aside(as_json), shown() as progress:
        starts = estate.up(progress, only or None)
    began = [start.name for start in starts if start.began]
    deployed = {site: _deployed(estate, site, as_json=as_json) for site in sites}
    if as_json:
        servers = [{"server": start.name, "started": start.began} for start in starts]
        output.write_json({"lab": estate.name, "servers": servers, "sites": deployed})
        return
    if not began:
        click.echo(f"The lab {estate.name!r} was up already ({len(starts)} servers).")
    else:
        click.echo(f"The lab {estate.name!r} is up: {len(began)} of {len(starts)} servers started.")
    if not sites:
        click.echo(f"Next: {_itself()} lab up SITE deploys a site, like eagle-ford or north-cormorant.")


@command.command()
@click.option(
    "--purge", is_flag=True, help="Remove the lab's state as well: everything deployed to it is gone."
)
@_as_json("how many processes were stopped")
@_told
def down(*, purge: bool, as_json: bool) -> None:
    """Stop every process of the lab; its state stays, unless --purge is given."""
    from lab.tools.terminal import shown
    from sitectl import output

    estate = _estate()
    with shown() as progress:
        count = estate.down(purge=purge, progress=progress)
    if as_json:
        output.write_json({"lab": estate.name, "stopped": count, "purged": purge})
        return
    state = "its state is removed" if purge else "its state is kept"
    click.echo(f"The lab {estate.name!r} is down: {count} processes stopped, {state}.")


@command.command()
@_as_json("each server, its memory in bytes,")
@_told
def status(*, as_json: bool) -> None:
    """Show each server: pid, address, version, memory, ready or not. Exits with 1 unless all are ready."""
    statuses = _estate().status()
    if as_json:
        click.echo(json.dumps([server.__dict__ for server in statuses], indent=2))
    else:
        _table(statuses)
    sys.exit(0 if all(server.ready for server in statuses) else 1)


@command.command()
@click.argument("server")
@click.option("--follow", "-f", is_flag=True, help="Show what is added to the log, until Ctrl-C.")
@_as_json("the log, line by line,")
@_told
def logs(server: str, *, follow: bool, as_json: bool) -> None:
    """Print the log of SERVER."""
    from lab.errors import UnknownServerError
    from lab.servers import BY_NAME
    from sitectl import output

    if server not in BY_NAME:
        raise UnknownServerError(server, tuple(BY_NAME))
    if follow and as_json:
        raise click.UsageError("a log that is followed has no end: leave out --json, or --follow")
    file = _estate().log(server)
    if as_json:
        lines = file.read_text(errors="replace").splitlines() if file.exists() else []
        output.write_json({"server": server, "started": file.exists(), "lines": lines})
        return
    if not file.exists():
        click.echo(f"{server} has not been started yet.", err=True)
        return
    _print_log(file, follow=follow)


@command.command()
@_as_json("the variables, secrets by the names of their files,")
@_told
def env(*, as_json: bool) -> None:
    """Print what makes a shell reach the lab; secrets are read from their files and never printed."""
    from lab.environment import exports, for_machines

    variables = _estate().environment()
    if as_json:
        click.echo(json.dumps(for_machines(variables), indent=2))
    else:
        click.echo(exports(variables), nl=False)


@command.command()
@click.argument("site")
@click.option(
    "--days", type=click.IntRange(7, 365), default=30, show_default=True, help="How far back it goes."
)
@click.option(
    "--story",
    type=click.Choice(("good", "breached", "gap", "troubled")),
    default="good",
    show_default=True,
    help="All well, an outage that breaks the service level, two days without data, or an hour of every trouble.",
)
@_as_json("how many samples were written")
@_told
def history(site: str, days: int, story: "Story", *, as_json: bool) -> None:
    """Give the lab's Prometheus a past of SITE, as if it had been measured, and a present that follows from it.

    What Prometheus knew of the site is replaced; other sites keep theirs. Takes Prometheus down for a moment.
    """
    from datetime import UTC, datetime

    from lab.history import tell
    from lab.tools.terminal import shown
    from sitectl import output

    (known,) = _refuse_unknown((site,))
    with shown() as progress:
        past = tell(_estate(), known, story, days, datetime.now(UTC), progress)
    if as_json:
        output.write_json({"site": site, "days": days, "story": story, "samples": past.samples})
        return
    click.echo(f"{site}: {days} days of the story {story!r} are in Prometheus ({past.samples} samples).")


@command.command()
@click.argument("site")
@_as_json("what was done")
@_told
def bootstrap(site: str, *, as_json: bool) -> None:
    """Make SITE's policies and logins in the lab's Vault, as its administrator does before the first `pulumi up`."""
    from lab.demo import bootstrap as make
    from sitectl import output, problems

    _refuse_unknown((site,))
    with output.aside(as_json):
        code = make(_estate(), site)
    if code:
        problems.refuse(f"the bootstrap of {site} ended with {code}\n    read what Pulumi says above")
    if as_json:
        output.write_json({"site": site, "bootstrapped": True})


@command.command(hidden=True)
@_as_json("what was deployed")
@_told
def demo(*, as_json: bool) -> None:
    """Start the lab and deploy the sample site, as `make demo` does."""
    from lab.demo import SITE
    from sitectl import output

    estate = _estate()
    done = _deployed(estate, SITE, as_json=as_json)
    if as_json:
        output.write_json({"lab": estate.name, "sites": {SITE: done}})


@command.command(name="clean-demo", hidden=True)
@_as_json("what was done")
@_told
def clean_demo(*, as_json: bool) -> None:
    """Take the sample site and the lab down and leave nothing, as `make clean-demo` does."""
    from lab.demo import clean
    from sitectl import output, problems

    estate = _estate()
    with output.aside(as_json):
        code = clean(estate)
    if code:
        problems.refuse(f"the lab {estate.name!r} is not clean: `pulumi destroy` ended with {code}")
    if as_json:
        output.write_json({"lab": estate.name, "clean": True})


def _refuse_unknown(sites: tuple[str, ...]) -> "tuple[Site, ...]":
    """Return the sites of these names; refuse, before anything is started, what is wrong with their data."""
    from model.estate import load_estate
    from sitectl import problems
    from sitectl.root import program_root

    if not sites:
        return ()
    known = load_estate(program_root() / "stacks", dict.fromkeys(sites))
    if known.errors:
        problems.refuse_data(known.errors)
    return known.sites


def _deployed(estate: "Estate", site: str, *, as_json: bool) -> dict[str, int]:
    """Deploy a site, with all that its administrators do for it; return how many resources were changed, and not."""
    from lab.demo import deploy
    from sitectl import output, problems

    with output.aside(as_json):
        done = deploy(estate, _itself(), site)
    if isinstance(done, int):
        problems.refuse(f"{site} is not deployed: Pulumi ended with {done}\n    read what it says above")
    return {"changed": done.changed, "unchanged": done.unchanged}


def _estate() -> "Estate":
    from lab.estate import Estate
    from sitectl.root import program_root

    return Estate(program_root(), os.environ.get("IOT_BROKER_LAB") or DEFAULT_LAB)


def _itself() -> str:
    """Return how the user reaches this command: by name when it is on PATH, else by its path."""
    from shutil import which

    return "sitectl" if which("sitectl") else os.path.relpath(Path(sys.executable).parent / "sitectl")


def _table(statuses: "list[ServerStatus]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("server", "ready", "pid", "address", "version"):
        table.add_column(heading)
    table.add_column("MiB", justify="right")
    for server in statuses:
        ready = "yes" if server.ready else "no" if server.pid else "down"
        memory = f"{server.memory / MIB:.0f}" if server.pid else ""
        table.add_row(server.name, ready, str(server.pid or ""), server.address, server.version, memory)
    table.add_row("", "", "", "", "", f"{sum(server.memory for server in statuses) / MIB:.0f}")
    # A pipe or a file has no width of its own.
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _print_log(file: Path, *, follow: bool) -> None:
    import threading

    pause = threading.Event()
    with file.open(errors="replace") as stream:
        while True:
            if text := stream.read():
                click.echo(text, nl=False)
            elif not follow:
                return
            else:
                pause.wait(FOLLOW_SECONDS)
