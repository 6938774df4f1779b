"""Measurement's part of the site: its service level and how the platform's Prometheus finds it."""

from typing import Literal

from pydantic import Field

from model.base import Address, LabelKey, LabelValue, Part
from model.units import Duration, Percentage


class ServiceLevel(Part):
    """What the site promises to its users."""

    availability: Percentage = Field(description="Share of service hours in which the broker serves.")
    repair: Duration = Field(description="Mean time to repair stays below this.")
    hours: Literal["business", "24x7"] = Field(description="Hours in which the promise holds.")


class Monitoring(Part):
    """Scraping, rules and alerts."""

    service_level: ServiceLevel = Field(description="Service level; not below the phase's.")
    scrape_interval: Duration = Field(description="Time between two scrapes.")
    labels: dict[LabelKey, LabelValue] = Field(
        description="Labels that the platform's Prometheus selects by."
    )
    runbook_url: Address = Field(description="Where the runbooks are served; `/<alert>` is appended.")
