"""The workers' part of `sitectl capacity`: how many there are, what waits for them, and how long that lasts."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model import Site


def described(site: "Site") -> dict[str, object]:
    """Return the workers' capacity as plain data: numbers without units, rates in a second."""
    from model import worker_capacity

    return {
        "number": worker_capacity.workers(site),
        "needed": worker_capacity.needed_workers(site),
        "recordsOfOne": worker_capacity.rate(site),
        "inFlightOfOne": worker_capacity.window(site),
        "waitingForOne": worker_capacity.waiting(site),
        "waitingForAll": worker_capacity.backlog(site),
        "memoryOfANode": worker_capacity.backlog_memory(site).count,
        "sessionExpirySeconds": worker_capacity.worker_of(site).session_expiry.seconds,
    }


def servers(site: "Site") -> list[tuple[str, int]]:
    """Return each kind of worker, and how many of it there are."""
    from model import worker_capacity

    worker = worker_capacity.worker_of(site)
    size = f"({worker.cores} CPU, {worker.memory})"
    return [
        (f"workers to Kafka {size}", worker_capacity.workers(site)),
        (f"OT mirror's worker {size}", 1),
    ]


def write(site: "Site") -> None:
    """Print what waits at the broker without Kafka, for how long it lasts, and what is lost then."""
    from model import worker_capacity
    from model.stream_capacity import mebibytes, outage_by_worker

    away, worker = outage_by_worker(site), worker_capacity.worker_of(site)
    click.echo(
        f"\nwithout Kafka: the broker keeps {worker_capacity.waiting(site)} messages for each worker, up to "
        f"{mebibytes(away.buffer.count)} in a node's memory; "
        f"{int(worker_capacity.records(site))} come in a second at the peak: it lasts {away.lasts}. Lost are then:"
    )
    for loss in away.lost:
        click.echo(f"  - {loss}")
    click.echo(f"A worker that is away for {worker.session_expiry} loses all that waits for it.")
    if site.bridge == "ingress":
        click.echo(
            "All that the incumbent's bridge brings is one client's: it waits for one worker, which carries "
            f"{worker_capacity.rate(site)}/s."
        )
