"""What a message costs the worker, beside its two halves by themselves (at length: `benchmarks/worker.py`)."""

from pathlib import Path

from tests.support.one_kafka import OneKafka
from tests.support.worker_bench import bench
from tests.support.worker_speed import memory, of_producer, of_subscriber, of_worker

COUNT = 4000


def test_a_message_costs_at_most_twice_what_the_dearer_half_does(
    kafka_alone: OneKafka, tmp_path: Path
) -> None:
    with bench(tmp_path, kafka_alone) as made:
        halves = [of_subscriber(made, COUNT), of_producer(made, COUNT)]
        with made.worker() as worker:
            of_worker(made, worker, COUNT)
            once = memory(worker)
            whole = of_worker(made, worker, 4 * COUNT)
            often = memory(worker)
    assert whole.each < 2 * max(half.each for half in halves)
    assert often < 1.2 * once
