"""Reports that a promotion rests on: what other tools measured, in files under `stacks/reports/<site>/`.

Each is signed by whoever made it (`sitectl sign`). A format's number rises when its meaning changes.
"""

from typing import Annotated, Literal

from pydantic import Field

from model.base import Commit, Label, Part, Sentence, Text
from model.calendar import Day, Moment
from model.monitoring import Severity
from model.promotion.record import Signed
from model.rollout import Role

Count = Annotated[int, Field(ge=0, le=10**15)]


class Report(Signed):
    """What every report has."""

    site: Label = Field(description="The site.")
    made_by: Text = Field(description="The tool and its version, or the person.")
    made_at: Moment = Field(description="When.")


class Violation(Part):
    """One thing that the policy does not allow, or warns of."""

    rule: Text = Field(description="Name of the rule.")
    severity: Literal["deny", "warn"] = Field(description="Whether it stops a change, or is only said.")
    resource: Text = Field(description="The resource.")
    message: Sentence = Field(description="What is wrong with it.")


class PolicyReport(Report):
    """What the policy found in everything that the site gets."""

    format: Literal["iot-broker/policy-report/1"] = Field(description="Format and version of this file.")
    commit: Commit = Field(description="The commit that was judged.")
    rules: Count = Field(description="How many rules were applied.")
    resources: Count = Field(description="How many resources they were applied to.")
    violations: tuple[Violation, ...] = Field(description="What was found; an empty list when nothing was.")


class ComparedDay(Part):
    """One day of both brokers side by side; messages are counted at the consumers."""

    day: Day = Field(description="The day, in UTC.")
    messages: Count = Field(description="Messages that the incumbent delivered.")
    lost: Count = Field(description="Of these: those that EMQX did not deliver.")
    duplicates: Count = Field(description="Messages that EMQX delivered more often than the incumbent.")
    reordered: Count = Field(description="Messages out of their device's order at EMQX alone.")
    incumbent_latency_ms: Count = Field(
        description="99th percentile from device to consumer, in milliseconds."
    )
    broker_latency_ms: Count = Field(description="The same through EMQX.")


class ComparisonReport(Report):
    """How EMQX did beside the incumbent, day by day."""

    format: Literal["iot-broker/comparison-report/1"] = Field(description="Format and version of this file.")
    days: tuple[ComparedDay, ...] = Field(min_length=1, description="The days, the earliest first.")


class TestedRoute(Part):
    """One way that alerts take to people, and the last test of it."""

    severity: Severity = Field(description="Severity that takes this way.")
    receiver: Text = Field(description="Who or what receives it.")
    sent_at: Moment = Field(description="When the test alert was sent.")
    confirmed_at: Moment = Field(description="When a person confirmed that it had arrived.")
    confirmed_by: Text = Field(description="Who confirmed it.")


class RoutesReport(Report):
    """Whether alerts reach people."""

    format: Literal["iot-broker/routes-report/1"] = Field(description="Format and version of this file.")
    routes: tuple[TestedRoute, ...] = Field(min_length=1, description="The tested ways.")


class TrainedPerson(Part):
    """One owner's training."""

    name: Label = Field(description="Name of the owner in the site's file.")
    role: Role = Field(description="What they were trained for.")
    course: Text = Field(description="What they learned.")
    passed: Day = Field(description="Day on which they passed.")
    trainer: Text = Field(description="Who trained them.")


class TrainingReport(Report):
    """Whose training is recorded."""

    format: Literal["iot-broker/training-report/1"] = Field(description="Format and version of this file.")
    people: tuple[TrainedPerson, ...] = Field(min_length=1, description="The trained owners.")


ReportName = Literal["policy", "comparison", "routes", "training"]
REPORTS: dict[ReportName, type[Report]] = {
    "policy": PolicyReport,
    "comparison": ComparisonReport,
    "routes": RoutesReport,
    "training": TrainingReport,
}
"""The form of each report, by the name of its file (`stacks/reports/<site>/<name>.yaml`) and of its gate."""
