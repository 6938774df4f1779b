"""Has the site been in its phase for long enough?"""

from model.units import Duration
from sitectl.gates import Context, Outcome


def measure(context: Context) -> Outcome:
    """Count whole days since the site came into its phase, by its records (in the first phase: since `started`)."""
    days = context.chain.days_in_phase(context.site, context.now.date())
    entered = context.chain.entered(context.site)
    needed = context.asked.soak
    passed = Duration(days * Duration.UNITS["d"]) >= needed
    last = context.chain.last_change
    source = f"record {last.sequence}" if last else f"started, in stacks/sites/{context.site.name}.yaml"
    return Outcome(
        gate="soak",
        passed=passed,
        figure=f"{days}d",
        threshold=f"{needed} or more",
        source=source,
        window=f"since {entered}",
        reason="" if passed else f"too early: {needed} are over {_days_later(context, needed)}",
    )


def _days_later(context: Context, needed: Duration) -> str:
    from datetime import timedelta

    return f"on {context.chain.entered(context.site) + timedelta(seconds=needed.seconds)}"
