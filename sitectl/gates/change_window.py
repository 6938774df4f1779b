"""May the site be changed now?"""

from sitectl.gates import Context, Outcome


def measure(context: Context) -> Outcome:
    """Look at the site's change windows and freezes at this moment."""
    change, now = context.site.change, context.now
    window, freeze = change.open_window(now), change.freeze_at(now)
    hours = "; ".join(
        f"{entry.name}: {', '.join(entry.days)} {entry.opens}-{entry.closes} {entry.zone}"
        for entry in change.windows
    )
    reasons = []
    if window is None:
        reasons.append("no change window is open")
    if freeze is not None:
        reasons.append(f"frozen until {freeze.last}: {freeze.reason}")
    return Outcome(
        gate="change-window",
        passed=not reasons,
        figure=f"in {window.name}" if window else "in no window",
        threshold=f"inside a window and outside every freeze ({hours})",
        source=f"change, in stacks/sites/{context.site.name}.yaml and below it",
        window=f"{now.astimezone():%Y-%m-%d %H:%M %Z}",
        reason="; ".join(reasons),
    )
