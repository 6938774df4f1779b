"""Gives the lab's Prometheus days of history of a site, and goes on telling it from then on.

The past goes in as blocks (`promtool tsdb create-blocks-from openmetrics`) while Prometheus is down for a moment: so
it is there at once, and what was recorded of the same time is gone. The present is scraped from the lab's operators.
"""

import json
import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from components import emqx_incumbent, emqx_integration
from components.access_alerts import CONNECTIONS, deployed_connectors, integration_names
from components.alert import ERRORS, SERVING
from components.workers import workers
from lab.errors import HistoryRefusedError, NotRunningError
from lab.estate import Estate
from lab.files import write
from lab.operators.stories import story_file
from lab.progress import Progress, Silent
from lab.servers import prometheus
from lab.servers.base import Lab
from lab.servers.http import OK
from lab.story import DAY, Scene, Series, Span, Story
from lab.trouble import troubled_series
from model import Site
from model.calendar import WEEKDAYS
from model.slo import WINDOWS

# Two scrapes fit into Prometheus' look-back of five minutes, and a `rate` over five minutes has its two samples.
STEP_SECONDS = 120
# Until the first two scrapes a rate has the history alone, and a busy machine takes minutes to come that far.
SCRAPED_SECONDS = 900
# What EMQX and OPA count is told for so long; what the service level is made of, for all days.
COUNTED_DAYS = 14
# Allowed outages: one in so many days, for so long. A promise of 99.9 % of business hours bears two in a month.
HICCUP_DAYS, HICCUP_SECONDS = 15, 240
BREACH_SECONDS, GAP_SECONDS = 6 * 3600, 2 * DAY
# Longer than any alert waits, and short beside the day that tells what is usual.
TROUBLE_SECONDS = 3600
BLOCK = "400h"
BLOCKS_SECONDS = 300.0


@dataclass(frozen=True)
class Told:
    """What was put into Prometheus: which story, its span in Unix seconds, and how many samples."""

    site: str
    story: Story
    start: int
    end: int
    samples: int


def tell(
    estate: Estate, site: Site, story: Story, days: int, now: datetime, progress: Progress | None = None
) -> Told:
    """Replace what the lab's Prometheus knows of a site by a story of the `days` (7 or more) up to `now` (aware).

    Raises a `LabError`: the lab is not up, or Prometheus or promtool refuse.
    """
    watcher = progress or Silent()
    if not any(server.name == "prometheus" and server.ready for server in estate.status()):
        raise NotRunningError(estate.name)
    told = scene(site, story, days, now)
    interval = site.monitoring.scrape_interval.seconds
    end = int(now.timestamp()) // interval * interval
    with tempfile.TemporaryDirectory(dir=estate.state) as folder:
        text, blocks = Path(folder, "history.txt"), Path(folder, "blocks")
        watcher.step("prometheus", f"writing {days} days of {site.name}")
        samples = _write(text, lines(told, end - days * DAY, end, interval))

        def replace(lab: Lab) -> None:
            _make_blocks(lab, text, blocks)
            for block in blocks.iterdir():
                shutil.move(block, prometheus.data_folder(lab) / block.name)
            write(story_file(prometheus.stories_folder(lab), site.name), json.dumps(asdict(told), indent=2))

        estate.restart("prometheus", lambda lab: _forget(lab, told), replace, watcher)
    return Told(site.name, story, end - days * DAY, end, samples)


def scene(site: Site, story: Story, days: int, now: datetime) -> Scene:
    """Return a story of a site over the `days` up to `now` (aware)."""
    ages = range(HICCUP_DAYS // 2, days, HICCUP_DAYS)
    hiccups = tuple(_from(_working_day(site, now, age, 14), HICCUP_SECONDS) for age in ages)
    breach = _from(_working_day(site, now, 2, 10), BREACH_SECONDS)
    return Scene(
        site=site.name,
        namespace=site.namespace,
        edition=site.broker.edition,
        nodes=site.broker.replicas,
        replicants=site.broker.replicant_nodes,
        policy_servers=site.policy.replicas,
        connections=site.broker.load.connections,
        messages=site.broker.load.messages.count,
        workers=site.streams.connect.replicas if site.streams.sinks else 0,
        connectors=tuple(
            f"{sink.name}-{topic}"
            for sink in site.streams.sinks
            if site.consumption(sink.user) != "waiting"
            for topic in sink.topics
        ),
        rules=tuple(sorted({*emqx_integration.rules(site), *emqx_incumbent.rules(site)})),
        routes=tuple(integration_names(emqx_integration.actions(site))),
        ways=tuple(integration_names(deployed_connectors(site))),
        carriers=tuple(pod for kind in workers(site) for pod in kind.pods),
        bridge=site.brokers_bridge,
        program=site.bridge if site.bridge_worker else "none",
        outages=(*hiccups, breach) if story == "breached" else hiccups,
        gaps=(_from(_working_day(site, now, 2, 0), GAP_SECONDS),) if story == "gap" else (),
        troubles=(Span(now.timestamp() - TROUBLE_SECONDS, math.inf),) if story == "troubled" else (),
    )


def lines(told: Scene, start: int, end: int, interval: int) -> Iterator[str]:
    """Yield the history from `start` up to `end` (Unix seconds) in OpenMetrics' text, without its last line.

    `interval` is the site's own time between two scrapes, and so between two records of its service level.
    """
    recent, scraped = max(start, end - COUNTED_DAYS * DAY), max(start, end - SCRAPED_SECONDS)
    found = tuple(troubled_series(told))
    for counted in found:
        yield from _samples(counted, range(recent, scraped, STEP_SECONDS))
        yield from _samples(counted, range(scraped, end, interval))
    yield from _connections(told, found, range(max(start, end - DAY), end, STEP_SECONDS))
    yield from service_level(told, range(start, end, interval))


def _samples(counted: Series, moments: Iterable[int]) -> Iterator[str]:
    # A month has millions of samples: what is the same for all of them is looked up once.
    head, value_at = counted.head, counted.value
    for moment in moments:
        if (value := value_at(moment)) is not None:
            yield f"{head} {value:.10g} {moment}\n"


def _connections(told: Scene, found: Iterable[Series], moments: range) -> Iterator[str]:
    """Yield what the site's rules would have recorded of all connections: what is usual is seen in a day."""
    nodes = [entry.value for entry in found if entry.name == "emqx_live_connections_count"]
    for moment in moments:
        values = [value for node in nodes if (value := node(moment)) is not None]
        if values:
            yield f'{CONNECTIONS}{{site="{told.site}"}} {sum(values):.10g} {moment}\n'


def service_level(told: Scene, moments: range) -> Iterator[str]:
    """Yield what the site's recording rules would have recorded, window by window."""
    labels = f'{{site="{told.site}"}}'
    known = [told.is_measured(moment) for moment in moments]
    serving = [known_then and told.serves(moment) for moment, known_then in zip(moments, known, strict=True)]
    for moment, known_then, serves in zip(moments, known, serving, strict=True):
        if known_then:
            yield f"{SERVING}{labels} {int(serves)} {moment}\n"
    served, counted = [0, *accumulate(serving)], [0, *accumulate(known)]
    every = max(1, STEP_SECONDS // moments.step)
    for length in {length for window in WINDOWS for length in (window.long, window.short)}:
        size = length.seconds // moments.step
        for index in range(0, len(moments), every):
            first, last = max(0, index + 1 - size), index + 1
            if known[index]:
                share = 1 - (served[last] - served[first]) / (counted[last] - counted[first])
                yield f"{ERRORS}_{length}{labels} {share:.10g} {moments[index]}\n"


def _write(file: Path, text: Iterable[str]) -> int:
    with file.open("w", encoding="utf-8") as stream:
        count = sum(bool(stream.write(line)) for line in text)
        stream.write("# EOF\n")
    return count


def _make_blocks(lab: Lab, text: Path, folder: Path) -> None:
    done = subprocess.run(
        [
            lab.tools["promtool"] / "promtool",
            *("tsdb", "create-blocks-from", "openmetrics", "--quiet"),
            # Without it every two hours become a block, each of which reads the whole text.
            f"--max-block-duration={BLOCK}",
            text,
            folder,
        ],
        capture_output=True,
        text=True,
        timeout=BLOCKS_SECONDS,
        check=False,
    )
    if done.returncode:
        raise HistoryRefusedError((done.stdout + done.stderr).strip())


def _forget(lab: Lab, told: Scene) -> None:
    """Remove every series of the site: of an earlier story, and what was recorded since."""
    client = prometheus.client(lab)
    chosen = urlencode(
        {"match[]": [f'{{site="{told.site}"}}', f'{{namespace="{told.namespace}"}}']}, doseq=True
    )
    for request in (f"delete_series?{chosen}", "clean_tombstones"):
        answer = client.ask("POST", f"/api/v1/admin/tsdb/{request}", seconds=BLOCKS_SECONDS)
        if answer.status not in OK:
            raise HistoryRefusedError(answer.body.decode(errors="replace"))


def _working_day(site: Site, now: datetime, age: int, hour: int) -> datetime:
    """Return an hour, by the site's own clock, of the last working day that began `age` days ago at least."""
    hours = site.monitoring.business_hours[0]
    local = now.astimezone(ZoneInfo(hours.zone))
    day = local.replace(hour=hour, minute=0, second=0, microsecond=0) - timedelta(days=age)
    while WEEKDAYS[day.weekday()] not in hours.days:
        day -= timedelta(days=1)
    return day


def _from(begin: datetime, seconds: int) -> Span:
    return Span(begin.timestamp(), begin.timestamp() + seconds)
