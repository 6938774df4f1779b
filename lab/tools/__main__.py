"""The command `python -m lab.tools`: builds or fetches what is missing, lists what there is, renews Maven's pins."""

import json
import shutil
import sys
import threading

import click

from lab.tools.bench import Bench
from lab.tools.building import JAVA, ensure
from lab.tools.cache import Cache, size_of
from lab.tools.catalogue import catalogue
from lab.tools.errors import ToolError
from lab.tools.jdk import find_jdk
from lab.tools.maven import SOURCES, fetch
from lab.tools.terminal import shown

MIB = 1024**2
INTERRUPTED = 130
RECORDED_PROJECTS = ("connect", "debezium", "kafka", "keycloak", "postgres", "strimzi")


@click.command(name="tools")
@click.argument("names", nargs=-1)
@click.option("--list", "listing", is_flag=True, help="Show each tool's version, state, size and build time.")
@click.option("--json", "as_json", is_flag=True, help="With --list: as JSON.")
@click.option(
    "--record", is_flag=True, help="Renew the checksums of the Maven artifacts, after a change of a POM."
)
def command(names: tuple[str, ...], listing: bool, as_json: bool, record: bool) -> None:
    """Build or fetch the lab's tools NAMES (all of them when none is named) that the cache does not hold yet."""
    try:
        if listing:
            _list(as_json)
        elif record:
            _record()
        else:
            with shown() as progress:
                paths = ensure(names or (*catalogue(), JAVA), progress)
            for name, path in paths.items():
                click.echo(f"{name}\t{path}")
    except ToolError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        click.echo("Stopped. The same command resumes the build.", err=True)
        sys.exit(INTERRUPTED)


def _list(as_json: bool) -> None:
    cache = Cache()
    timings = cache.timings()
    rows: list[dict[str, str | int | float | bool | None]] = []
    for tool in catalogue().values():
        folder = cache.folder(tool.name, tool.key)
        cached = folder.is_dir()
        timing = timings.get(tool.name)
        rows.append(
            {
                "tool": tool.name,
                "version": tool.version,
                "cached": cached,
                "bytes": size_of(folder) if cached else None,
                "seconds": timing.seconds if timing and timing.key == tool.key else None,
                "path": str(folder),
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"{'tool':<12} {'version':<10} {'cached':<7} {'MiB':>6} {'built in':>9}")
    for row in rows:
        size = f"{int(row['bytes'] or 0) / MIB:.0f}" if row["cached"] else "-"
        built = f"{row['seconds']} s" if row["seconds"] is not None else "-"
        click.echo(
            f"{row['tool']:<12} {row['version']:<10} {'yes' if row['cached'] else 'no':<7} {size:>6} {built:>9}"
        )
    click.echo(f"in {cache.root}")


def _record() -> None:
    """Fetch each Maven project with a repository of its own, so that all that is read is written down."""
    cache = Cache()
    jdk = find_jdk()
    with shown() as progress, cache.lock("java", cancelled=threading.Event()):
        for project in RECORDED_PROJECTS:
            bench = Bench(
                name=project,
                version="",
                result=cache.scratch("java", project),
                work=cache.work("java"),
                log=cache.log(f"record-{project}"),
                say=lambda doing, project=project: progress.step(project, doing),  # type: ignore[misc]
                cancelled=threading.Event(),
            )
            checksums = SOURCES / project / "checksums.sha256"
            checksums.unlink(missing_ok=True)
            shutil.rmtree(bench.work / "recorded", ignore_errors=True)
            fetch(bench, jdk, project, bench.result / "fetched", record=True)
            progress.note(f"{checksums}: {len(checksums.read_text().splitlines())} artifacts")
        shutil.rmtree(cache.work("java"), ignore_errors=True)


if __name__ == "__main__":
    command()
