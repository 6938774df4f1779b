"""What one picture of the site's dashboard is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Panel:
    """One picture: `queries` are PromQL, `legends` name their series, `unit` is Grafana's own name of it."""

    title: str
    description: str
    unit: str
    queries: tuple[str, ...]
    legends: tuple[str, ...]
    kind: str = "timeseries"
    # Whether the site's own parts give its series; others come from exporters that a platform need not have.
    ours: bool = True
    row: str = ""
    """Title of the row of panels that begins with it; empty for one that belongs to the row before."""
