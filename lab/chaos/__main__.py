"""`make chaos`: interrupts deployments for some hours, and writes how each one ended to a report.

    python -m lab.chaos [--seed N] [--kills N] [--out DIR]

Stopped, it begins where it was, with the same seed and folder.
"""

import argparse
import signal
import sys
from pathlib import Path

from lab.chaos.campaign import Campaign
from lab.chaos.plan import KILLS, Record, report, trials
from lab.estate import Estate

ROOT = Path(__file__).resolve().parents[2]
LAB = "chaos"


def main(arguments: list[str]) -> int:
    """Run what is left of a campaign; return 0 when every trial converged."""
    parser = argparse.ArgumentParser(prog="python -m lab.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same trials")
    parser.add_argument(
        "--kills", type=int, default=KILLS, help="of first deployments, updates and destructions each"
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / ".lab" / "chaos-report", help="folder of the record and the report"
    )
    asked = parser.parse_args(arguments)
    record = Record(asked.out / "record.json", asked.seed)
    left = [trial for trial in trials(asked.seed, asked.kills) if not record.has(trial)]
    estate = Estate(ROOT, LAB)
    if left:
        # What a campaign left that was cut off by the machine's own end is no undisturbed lab.
        estate.down(purge=True)
        with estate.running(purge=True):
            campaign = Campaign(estate, estate.state / "program")
            campaign.prepare()
            for trial in left:
                result = campaign.run(trial)
                record.add(result)
                (asked.out / "report.md").write_text(report(record.results, asked.seed), encoding="utf-8")
                end = "converged" if result.converged else "DID NOT CONVERGE"
                words = f"{trial.number:3} {trial.words} at {trial.resources}: {end}"
                sys.stdout.write(f"{words} ({result.seconds:.0f} s)\n")
                sys.stdout.flush()
                if not result.converged:
                    campaign.anew()
    failed = [result for result in record.results if not result.converged]
    sys.stdout.write(
        f"{len(record.results)} trials, {len(failed)} did not converge: {asked.out / 'report.md'}\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    # Ended by either signal, it takes its lab down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command begins with the trial that was not done.")
