"""What was reviewed before a change was merged: which plan, on which state, for each stack."""

from typing import Annotated, Literal

from pydantic import Field

from model.base import Commit, Digest, Label, Part, Text
from model.calendar import Moment
from model.promotion.record import Signed

REVIEW_FORMAT: Literal["iot-broker/review/1"] = "iot-broker/review/1"
Count = Annotated[int, Field(ge=0, le=10**6)]


class ReviewedStack(Part):
    """One stack as the reviewer saw it."""

    site: Label = Field(description="The site.")
    plan: Digest = Field(description="SHA-256 of the preview's steps.")
    state: Digest = Field(description="SHA-256 of the resources in the stack's state.")
    creates: Count = Field(description="Resources that are made.")
    updates: Count = Field(description="Resources that are changed in place.")
    replaces: Count = Field(description="Resources that are made anew.")
    deletes: Count = Field(description="Resources that are taken away.")


class Review(Signed):
    """The review of some files: a merge deploys it only while plans and states are what they were."""

    format: Literal["iot-broker/review/1"] = Field(description="Format and version of this note.")
    files: Digest = Field(description="SHA-256 of the names and contents of all files but approvals.")
    commit: Commit = Field(description="The commit that was reviewed.")
    made_by: Text = Field(description="The pipeline.")
    made_at: Moment = Field(description="When.")
    stacks: tuple[ReviewedStack, ...] = Field(description="The affected stacks.")


class Waves(Part):
    """In which order sites are deployed."""

    format: Literal["iot-broker/waves/1"] = Field(description="Format and version of this file.")
    canary: Label | None = Field(default=None, description="The site that goes first, alone.")
    regions: tuple[Label, ...] = Field(
        default=(), description="Regions in their order; those that are not named follow by name."
    )
