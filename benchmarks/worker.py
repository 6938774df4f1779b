"""The worker to Kafka beside its two halves by themselves: processor time, rate and memory; and a long fuzz."""

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Ratio
from tests.support.one_kafka import one_kafka
from tests.support.worker_bench import bench
from tests.support.worker_fuzz import fuzz
from tests.support.worker_speed import Speed, memory, of_producer, of_subscriber, of_worker

MESSAGES = 20_000
ROUNDS = 3
FUZZ = 100_000
# Half as fast as the slower of its halves.
SLOWDOWN = 2.0
GROWTH = 1.1


def measure() -> list[Ratio]:
    """Return processor time and wall time of a message to the slower half's, and memory after four times as many."""
    halves: dict[str, list[Speed]] = {"subscriber": [], "producer": []}
    whole: list[Speed] = []
    with tempfile.TemporaryDirectory(prefix="iot-broker-worker-") as folder:
        root = Path(folder)
        (root / "kafka").mkdir()
        (root / "bench").mkdir()
        with one_kafka(root / "kafka") as kafka, bench(root / "bench", kafka) as made:
            # In turn, so that what else the machine does meets all three alike; nobody runs beside another.
            for round_ in range(ROUNDS + 1):
                speeds = of_subscriber(made, MESSAGES), of_producer(made, MESSAGES)
                # A session that is not taken up again, so that nothing waits in it for a worker that is away.
                with made.worker(f"worker-{round_}", mqtt={"session_expiry_seconds": 1}) as worker:
                    mine = of_worker(made, worker, MESSAGES)
                made.broker.says(f"worker-{round_}", Session=0)
                if round_:
                    halves["subscriber"].append(speeds[0])
                    halves["producer"].append(speeds[1])
                    whole.append(mine)
            with made.worker("memory", mqtt={"session_expiry_seconds": 1}) as worker:
                of_worker(made, worker, MESSAGES)
                once = memory(worker)
                of_worker(made, worker, 3 * MESSAGES)
                often = memory(worker)
    each = {name: statistics.median(speed.each for speed in found) for name, found in halves.items()}
    walls = {name: statistics.median(speed.wall for speed in found) for name, found in halves.items()}
    for name in halves:
        print(f"{name}: {each[name]:.0f} µs, {MESSAGES / walls[name]:.0f} messages a second", file=sys.stderr)
    cost = statistics.median(speed.each for speed in whole)
    wall = statistics.median(speed.wall for speed in whole)
    print(f"worker: {cost:.0f} µs, {MESSAGES / wall:.0f} messages a second", file=sys.stderr)
    return [
        Ratio(
            "a message through the worker, to its slower half", cost, max(each.values()), "µs CPU", SLOWDOWN
        ),
        Ratio(
            f"{MESSAGES} messages through it, to its slower half", wall, max(walls.values()), "s", SLOWDOWN
        ),
        Ratio("its memory after four times as many messages", often, once, "MiB", GROWTH),
    ]


def measure_fuzz() -> list[Ratio]:
    """Return how many of many odd messages are where they must be, of all."""
    with tempfile.TemporaryDirectory(prefix="iot-broker-worker-") as folder:
        root = Path(folder)
        (root / "kafka").mkdir()
        (root / "bench").mkdir()
        with one_kafka(root / "kafka") as kafka, bench(root / "bench", kafka) as made:
            wrong = fuzz(made, seed=FUZZ, count=FUZZ)
    for error in wrong[:20]:
        print(error, file=sys.stderr)
    return [Ratio("odd messages that are not in their one topic, to one", len(wrong), 1, "messages", goal=0)]
