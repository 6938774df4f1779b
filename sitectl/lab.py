"""The verb `lab`: starts, stops and shows the embedded lab, and makes a shell in which its servers are reached."""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import click

if TYPE_CHECKING:
    from lab.estate import Estate, ServerStatus
    from lab.story import Story

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
    """Turn what can go wrong into sentences and an exit code."""

    @functools.wraps(function)
    def wrapper(*arguments: Parameters.args, **named: Parameters.kwargs) -> None:
        from lab.errors import LabError, explanation
        from lab.tools.errors import ToolError

        try:
            function(*arguments, **named)
        except LabError as error:
            click.echo(f"Error: {explanation(error)}", err=True)
            sys.exit(1)
        except ToolError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo(
                "Stopped; `sitectl lab up` goes on from here, `sitectl lab down` ends the lab.", err=True
            )
            sys.exit(130)

    return wrapper


@command.command()
@click.option("--only", multiple=True, metavar="SERVER", help="Start this server and what it needs.")
@_told
def up(only: tuple[str, ...]) -> None:
    """Build what is missing and start what does not run yet; tells when everything is ready."""
    from lab.tools.terminal import shown

    estate = _estate()
    with shown() as progress:
        starts = estate.up(progress, only or None)
    began = [start for start in starts if start.began]
    if not began:
        click.echo(f"The lab {estate.name!r} was up already ({len(starts)} servers).")
    else:
        click.echo(f"The lab {estate.name!r} is up: {len(began)} of {len(starts)} servers started.")
    click.echo(f'Next: eval "$({_itself()} lab env)" && pulumi preview -s eagle-ford')


@command.command()
@click.option(
    "--purge", is_flag=True, help="Remove the lab's state as well: everything deployed to it is gone."
)
@_told
def down(*, purge: bool) -> None:
    """Stop every process of the lab; its state stays, unless --purge is given."""
    from lab.tools.terminal import shown

    estate = _estate()
    with shown() as progress:
        count = estate.down(purge=purge, progress=progress)
    state = "its state is removed" if purge else "its state is kept"
    click.echo(f"The lab {estate.name!r} is down: {count} processes stopped, {state}.")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="For machines: memory in bytes.")
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
@click.option("--follow", "-f", is_flag=True, help="Go on as the log grows, until Ctrl-C.")
@_told
def logs(server: str, *, follow: bool) -> None:
    """Print the log of SERVER."""
    from lab.errors import UnknownServerError
    from lab.servers import BY_NAME

    if server not in BY_NAME:
        raise UnknownServerError(server, tuple(BY_NAME))
    file = _estate().log(server)
    if not file.exists():
        click.echo(f"{server} has not been started yet.", err=True)
        return
    _print_log(file, follow=follow)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="For machines: secrets as the names of their files.")
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
@_told
def history(site: str, days: int, story: "Story") -> None:
    """Give the lab's Prometheus a past of SITE, as if it had been measured, and a present that goes on from it.

    What Prometheus knew of the site is replaced; other sites keep theirs. Takes Prometheus down for a moment.
    """
    from datetime import UTC, datetime

    from lab.history import tell
    from lab.tools.terminal import shown
    from model.estate import load_estate
    from sitectl import problems
    from sitectl.root import program_root

    known = load_estate(program_root() / "stacks", [site])
    if known.errors:
        problems.refuse_data(known.errors)
    with shown() as progress:
        told = tell(_estate(), known.sites[0], story, days, datetime.now(UTC), progress)
    click.echo(f"{site}: {days} days of the story {story!r} are in Prometheus ({told.samples} samples).")


@command.command()
@click.argument("site")
@_told
def bootstrap(site: str) -> None:
    """Make SITE's policies and logins in the lab's Vault, as its administrator does before the first `pulumi up`."""
    from lab.demo import bootstrap as make

    sys.exit(make(_estate(), site))


@command.command(hidden=True)
@_told
def demo() -> None:
    """Start the lab and deploy the sample site, as `make demo` does."""
    from lab.demo import deploy

    sys.exit(deploy(_estate(), _itself()))


@command.command(name="clean-demo", hidden=True)
@_told
def clean_demo() -> None:
    """Take the sample site and the lab down and leave nothing, as `make clean-demo` does."""
    from lab.demo import clean

    sys.exit(clean(_estate()))


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
