"""The typed site: everything that is deployed at one place, merged and validated."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from model.base import Domain, Label, Part, Text
from model.broker import Broker
from model.identity import Identity
from model.monitoring import Monitoring
from model.pki import Pki
from model.platform import Platform
from model.policy import Policy
from model.streams import Streams
from model.units import Duration, Percentage

Kind = Literal["onshore-field", "offshore-platform", "refinery"]
Phase = Literal["pilot", "parallel", "cutover"]


def _scope_form(value: object) -> str:
    return "one word" if isinstance(value, str) else "a list"


Scope = Annotated[
    Annotated[tuple[Label, ...], Tag("a list")] | Annotated[Literal["all"], Tag("one word")],
    Discriminator(_scope_form),
]


class Asset(Part):
    """A part of the site that sends data: a well pad, a compressor station, a process unit."""

    name: Label = Field(description="Short name, used in topics and scope.")
    title: Text = Field(description="Name for people.")


class Retention(Part):
    """How long data stays quickly readable."""

    hot: Duration = Field(description="Retention of the time series and audit stores.")


class Band(Part):
    """A span of durations, both ends allowed."""

    minimum: Duration = Field(description="Shortest.")
    maximum: Duration = Field(description="Longest.")


class Limits(Part):
    """What the phase asks of every site; only phase files set it."""

    hot_retention: Band = Field(description="Where the hot retention must lie.")
    availability: Percentage = Field(description="Lowest availability to promise.")
    repair: Duration = Field(description="Longest mean time to repair to promise.")
    replicas: int = Field(ge=1, le=32, description="Fewest broker nodes.")
    scope: Literal["part", "all"] = Field(description="Whether a part of the assets takes part, or all.")


class Site(Part):
    """One site, whole: the merge of defaults, profile, phase and the site's own file."""

    name: Label = Field(description="The site's name: file, stack, realm and prefix of all its names.")
    title: Text = Field(description="Name for people.")
    kind: Kind = Field(description="Kind of asset; chooses the profile.")
    phase: Phase = Field(description="Phase of the rollout; chooses the phase file.")
    region: Label = Field(description="Region, for waves of promotion.")
    domain: Domain = Field(description="DNS suffix of the site's names.")
    protect: bool = Field(description="Whether CA, realm, topics and broker refuse to be deleted.")
    assets: tuple[Asset, ...] = Field(min_length=1, description="Assets; keyed by name.")
    scope: Scope = Field(description="Assets that take part while the phase asks for a part; or `all`.")
    limits: Limits = Field(description="What the phase asks; set by phase files only.")
    retention: Retention = Field(description="Retention of data.")
    broker: Broker = Field(description="EMQX.")
    identity: Identity = Field(description="Keycloak.")
    pki: Pki = Field(description="Vault's certificate authorities.")
    policy: Policy = Field(description="OPA.")
    streams: Streams = Field(description="Kafka.")
    monitoring: Monitoring = Field(description="Prometheus.")
    platform: Platform = Field(description="The core platform.")

    @property
    def namespace(self) -> str:
        """The site's Kubernetes namespace."""
        return f"iot-{self.name}"

    @property
    def mqtt_host(self) -> str:
        """The DNS name that clients connect to."""
        return f"mqtt.{self.domain}"

    @property
    def dashboard_host(self) -> str:
        """The DNS name of the broker's dashboard."""
        return f"dashboard.{self.domain}"

    @property
    def topic_prefix(self) -> str:
        """What the full name of each Kafka topic of the site begins with."""
        return f"{self.name}."

    @property
    def assets_in_scope(self) -> tuple[str, ...]:
        """Names of the assets that take part in this phase."""
        if self.scope == "all" or self.limits.scope == "all":
            return tuple(asset.name for asset in self.assets)
        return self.scope
