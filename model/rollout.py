"""The rollout: what each phase asks for, what must be true to leave it, and the broker that is replaced."""

from typing import Literal, get_args

from pydantic import Field

from model.base import BridgedSpace, Domain, Label, Part, Port, Text
from model.bridge_worker import BridgeWorker
from model.calendar import Day
from model.network import Peers
from model.units import Duration, Money, Percentage

Phase = Literal["pilot", "parallel", "cutover"]
PHASES: tuple[Phase, ...] = get_args(Phase)
"""The phases, the first one first."""
IncumbentState = Literal["untouched", "ingress", "egress", "retired"]
Bridge = Literal["none", "ingress", "egress"]
Consumers = Literal["dashboards", "shadow", "switched"]
Consumption = Literal["primary", "shadow", "waiting"]
Role = Literal["engineer", "operator", "manager"]


class Band(Part):
    """A span of durations, both ends allowed."""

    minimum: Duration = Field(description="Shortest.")
    maximum: Duration = Field(description="Longest.")


class Comparison(Part):
    """How far EMQX may differ from the incumbent, in the comparison's report."""

    days: int = Field(ge=1, le=365, description="Days that the comparison must cover.")
    loss: Percentage = Field(description="Largest share of messages that are missing.")
    duplicates: Percentage = Field(description="Largest share of messages that came twice.")
    reordered: Percentage = Field(description="Largest share of messages out of their device's order.")
    latency: Percentage = Field(description="Largest growth of the 99th percentile of latency.")


class Leave(Part):
    """What must be true before a site may enter the next phase."""

    to: Phase = Field(description="The next phase.")
    soak: Duration = Field(description="Shortest time in this phase.")
    window: Duration = Field(description="Time over which the service level is measured.")
    availability: Percentage = Field(description="Lowest availability in the window.")
    budget_left: Percentage = Field(description="Least share of the error budget that is left.")
    clean_policy: bool = Field(description="Whether a clean policy report is asked for.")
    comparison: Comparison | None = Field(
        None, description="What the comparison with the incumbent must show; none is asked for when left out."
    )
    training: tuple[Role, ...] = Field(description="Roles whose owners must have been trained.")
    routes_tested_within: Duration = Field(description="How old the last test of the alert routes may be.")
    reports_within: Duration = Field(description="How old a report may be.")


class Limits(Part):
    """What the phase asks of every site; only phase files set it."""

    hot_retention: Band = Field(description="Where the hot retention must lie.")
    availability: Percentage = Field(description="Lowest availability to promise.")
    repair: Duration = Field(description="Longest mean time to repair to promise.")
    replicas: int = Field(ge=1, le=32, description="Fewest broker nodes.")
    scope: Literal["part", "all"] = Field(description="Whether a part of the assets takes part, or all.")
    incumbent: tuple[IncumbentState, ...] = Field(
        min_length=1, description="States that the incumbent may be in."
    )
    bridge: Bridge = Field(description="Direction of the bridge to the incumbent, until that is retired.")
    consumers: Consumers = Field(
        description="`dashboards` alone, other consumers as `shadow`, or all of them `switched` over."
    )
    rollback_window: Duration | None = Field(
        None, description="How long a site may go back to the phase before; not at all when left out."
    )
    leave: Leave | None = Field(None, description="What must be true to leave; the last phase is not left.")


class BridgedTopics(Part):
    """A space of topics that crosses the bridge to the incumbent."""

    name: Label = Field(description="Name, by which layers change it.")
    theirs: BridgedSpace = Field(description="What its topics begin with at the incumbent.")
    ours: BridgedSpace = Field(description="What they begin with here.")
    commands: bool = Field(
        False,
        description="Whether commands (a level `command`, Sparkplug's NCMD and DCMD) cross, too: then a client of one "
        "broker moves devices at the other.",
    )


class Incumbent(Part):
    """The licensed broker that the site has had until now."""

    product: Text = Field(description="Its name and version.")
    address: Domain = Field(description="Its DNS name, as the bridge reaches it.")
    port: Port = Field(description="Its port for MQTT over TLS.")
    at: Peers | None = Field(
        None, description="Where it is, as network policies name it; needed while the bridge to it exists."
    )
    state: IncumbentState = Field(
        description="`untouched`, `ingress`, `egress` (the phase's), or `retired` once its window is over."
    )
    user: Label | None = Field(
        None, description="The bridge's user name there; `<site>-bridge` when left out."
    )
    client_certificate: bool = Field(
        description="Whether the bridge shows a certificate there, beside its password."
    )
    topics: tuple[BridgedTopics, ...] = Field(
        (),
        description="What crosses the bridge; when left out, the topics of devices and edge nodes, under the same "
        "names. Keyed by name.",
    )
    bridge_worker: BridgeWorker | None = Field(
        None,
        description="The bridge as a program of the kit, in place of EMQX's own; EMQX's when left out "
        "(docs/incumbent.md).",
    )
    licence_ends: Day | None = Field(
        None, description="Last day of its licence, as the contract has it; `sitectl sites` shows it."
    )
    licence_cost: Money | None = Field(None, description="What its licence costs in a year.")


class Owner(Part):
    """A person or desk that answers for the site."""

    name: Label = Field(description="Short name, as the training record has it.")
    title: Text = Field(description="Name for people.")
    role: Role = Field(description="What they answer for.")
