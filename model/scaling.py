"""Scaling by use: when more of something that keeps nothing are started."""

from pydantic import Field

from model.base import Part
from model.units import Percentage


class Autoscaling(Part):
    """When more of a stateless server are started, and how many at most."""

    maximum: int = Field(ge=2, le=64, description="Most of them; the fewest are `replicas`.")
    cpu: Percentage = Field(description="Part of the requested cores above which more are started.")
