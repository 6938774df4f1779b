"""Are the site's dashboards live: does every panel show something?"""

from sitectl.gates import Context, Outcome
from sitectl.prometheus import PrometheusError

THRESHOLD = "every panel has data"


def measure(context: Context) -> Outcome:
    """Ask Prometheus each query of each panel, as Grafana does; one without data is a panel that shows nothing."""
    from components.dashboards import panels

    window = f"at {context.now:%Y-%m-%d %H:%M} UTC"
    if isinstance(context.prometheus, PrometheusError):
        return Outcome(
            "dashboards", False, "no data", THRESHOLD, "Prometheus", window, str(context.prometheus)
        )
    # What another party's exporter would give is no sign of the site's own measurement.
    wanted = [panel for panel in panels(context.site) if panel.ours]
    try:
        empty = [
            panel.title
            for panel in wanted
            if not all(context.prometheus.samples(query, context.now) for query in panel.queries)
        ]
    except PrometheusError as error:
        return Outcome(
            "dashboards", False, "no data", THRESHOLD, context.prometheus.address, window, str(error)
        )
    return Outcome(
        gate="dashboards",
        passed=not empty,
        figure=f"{len(wanted) - len(empty)} of {len(wanted)} panels",
        threshold=THRESHOLD,
        source=f"the panels' queries at {context.prometheus.address}",
        window=window,
        reason=f"no data: {', '.join(empty)}" if empty else "",
    )
