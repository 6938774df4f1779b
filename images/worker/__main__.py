"""`python -m images.worker SETTINGS.json`: runs until SIGTERM; exits 0 then, and 2 for settings that are wrong."""

import gc
import signal
import sys
import threading
import traceback
from pathlib import Path

from images.worker import logs
from images.worker.births import Births
from images.worker.figures import Figures, Page
from images.worker.settings import Settings, SettingsError, read
from images.worker.worker import Worker

STOP_SECONDS = 15.0
"""How long Kafka is waited for at the end."""


def main(words: list[str]) -> int:
    """Run the worker of one settings file."""
    if len(words) != 1:
        sys.stderr.write("usage: python -m images.worker SETTINGS.json\n")
        return 2
    try:
        settings = read(Path(words[0]))
    except SettingsError as refusal:
        for error in refusal.errors:
            logs.say("settings_wrong", error=error)
        return 2
    try:
        return run(settings)
    except Exception as error:  # noqa: BLE001 - said as an event; the pod is started again
        _crashed(type(error), error)
        return 1


def run(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT."""
    stopped = threading.Event()
    births = Births(settings) if settings.topics.sparkplug_group and settings.sparkplug.decode else None
    worker = Worker(settings, decoder=None if births is None else births.decoder)
    figures = Figures()
    figures.add(worker.figures)

    def stop(*_: object) -> None:
        stopped.set()
        worker.wake()

    threading.excepthook = lambda found: _crashed(found.exc_type, found.exc_value)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    # What is there now stays until the end.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with Page(settings.listen, figures, worker.health) as page:
        logs.say("started", client=settings.mqtt.client_id, figures_port=page.port)
        if births is not None:
            figures.add(births.figures)
            births.read(stopped, worker.health)
        while not stopped.is_set():
            worker.turn()
            if worker.look():
                page.renew()
        worker.stop(STOP_SECONDS)
        if births is not None:
            births.close()
    return 0


def _crashed(kind: type[BaseException], error: BaseException | None) -> None:
    trace = [] if error is None else traceback.format_tb(error.__traceback__)
    logs.say("crashed", kind=kind.__name__, message=str(error), trace=[line.strip() for line in trace])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
