"""May the site still go back, and is that time over?"""

from sitectl.gates import Context, Outcome


def still_open(context: Context) -> Outcome:
    """Pass while the site may go back to the phase before."""
    return _outcome(context, wanted_open=True)


def over(context: Context) -> Outcome:
    """Pass once the site may not go back any more: then nobody needs the incumbent."""
    return _outcome(context, wanted_open=False)


def _outcome(context: Context, *, wanted_open: bool) -> Outcome:
    ends = context.chain.window_ends(context.site)
    is_open = ends is not None and context.now <= ends
    passed = is_open is wanted_open and (ends is not None or not wanted_open)
    if ends is None:
        reason = (
            "" if passed else "there is no phase to go back to, or no record says since when this one holds"
        )
    elif is_open:
        reason = "" if passed else f"the site may go back until {ends:%Y-%m-%d %H:%M} UTC"
    else:
        reason = "" if passed else f"the rollback window ended on {ends:%Y-%m-%d %H:%M} UTC"
    length = context.site.limits.rollback_window
    last = context.chain.last_change
    return Outcome(
        gate="rollback-window",
        passed=passed,
        figure="open" if is_open else "over",
        threshold="open" if wanted_open else "over",
        source=f"record {last.sequence} and limits.rollback_window" if last else "no record",
        window=f"{length} since {last.made_at}" if last and length else "none",
        reason=reason,
    )
