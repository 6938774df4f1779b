"""The typed site: everything that is deployed at one place, merged and validated."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from model.base import Domain, Label, Part, Text, TopicSpace
from model.bridge_worker import BridgeWorker
from model.broker import Broker
from model.calendar import Change, Day
from model.identity import Identity
from model.monitoring import Monitoring
from model.network import Network
from model.pki import Pki
from model.platform import Platform
from model.policy import Policy
from model.rollout import Bridge, Consumption, Incumbent, Limits, Owner, Phase
from model.streams import Streams
from model.units import Duration

Kind = Literal["onshore-field", "offshore-platform", "refinery"]
WayToKafka = Literal["worker", "broker", "bridge"]
"""What writes to Kafka: workers of the kit, the broker itself, or Strimzi's Kafka bridge."""


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
    topic_space: TopicSpace | None = Field(
        None, description="What its MQTT topics begin with; `<site>/<asset>` when left out."
    )


class ColdTier(Part):
    """Where data goes when it leaves the hot stores."""

    store: Literal["iceberg", "object-storage"] = Field(description="Kind of store.")
    location: Text = Field(description="Where: a catalog's table space or a bucket, without credentials.")


class Retention(Part):
    """How long data is kept: quickly readable, and in all."""

    hot: Duration = Field(description="Retention of the time series and audit stores.")
    total: Duration | None = Field(None, description="How long data is kept in all; `hot` when left out.")
    cold: ColdTier | None = Field(None, description="Cold tier; needed when data is kept longer than hot.")
    relied_on: Duration | None = Field(
        None, description="Hot retention that data already relies on: a rollback does not go below it."
    )

    @property
    def hot_in_effect(self) -> Duration:
        """What the hot stores are set to: never less than what data already relies on."""
        return max(self.hot, self.relied_on) if self.relied_on else self.hot


class Site(Part):
    """One site, whole: the merge of defaults, profile, phase and the site's own file."""

    name: Label = Field(
        description="The site's name: file, stack, realm and prefix of all its names; 35 characters."
    )
    title: Text = Field(description="Name for people.")
    kind: Kind = Field(description="Kind of asset; chooses the profile.")
    phase: Phase = Field(description="Phase of the rollout; chooses the phase file.")
    started: Day = Field(description="Day on which the pilot began.")
    region: Label = Field(description="Region, for waves of promotion.")
    domain: Domain = Field(
        description="DNS suffix of the site's names; 41 characters at most, for certificates' sake."
    )
    protect: bool = Field(description="Whether CA, realm, topics and broker refuse to be deleted.")
    gives_up: tuple[Text, ...] = Field(
        (),
        description="What this change gives up for good, by the names that `sitectl validate` says; taken out "
        "afterwards.",
    )
    assets: tuple[Asset, ...] = Field(min_length=1, description="Assets; keyed by name.")
    scope: Scope = Field(description="Assets that take part while the phase asks for a part; or `all`.")
    owners: tuple[Owner, ...] = Field(min_length=1, description="Who answers for the site; keyed by name.")
    change: Change = Field(description="When the site may be changed.")
    network: Network = Field(description="The site's networks.")
    incumbent: Incumbent = Field(description="The broker that is being replaced.")
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

    @property
    def topic_spaces(self) -> dict[str, str]:
        """What the MQTT topics of each asset begin with."""
        return {asset.name: asset.topic_space or f"{self.name}/{asset.name}" for asset in self.assets}

    @property
    def spaces_elsewhere(self) -> tuple[str, ...]:
        """The assets' topic spaces that do not begin with the site's name."""
        return tuple(
            sorted(space for space in self.topic_spaces.values() if space.split("/")[0] != self.name)
        )

    @property
    def bridge(self) -> Bridge:
        """Direction of the bridge to the incumbent broker; none any more when that is retired."""
        return "none" if self.incumbent.state == "retired" else self.limits.bridge

    @property
    def bridge_worker(self) -> BridgeWorker | None:
        """The program that is the bridge, while there is one; None where it is the broker itself."""
        return None if self.bridge == "none" else self.incumbent.bridge_worker

    @property
    def brokers_bridge(self) -> Bridge:
        """Direction of the bridge that the broker itself is; none where a program is it."""
        return "none" if self.bridge_worker else self.bridge

    @property
    def way_to_kafka(self) -> WayToKafka:
        """What brings messages to Kafka: workers where the site has them alone, else what the edition has.

        While workers run beside the edition's own way (`streams.worker.beside`), that is whole, and it is this one.
        """
        if self.streams.by_worker_alone:
            return "worker"
        return "broker" if self.broker.writes_kafka else "bridge"

    @property
    def sparkplug_is_json(self) -> bool:
        """Whether Sparkplug B is decoded on each way to Kafka that the site has; else some records are bytes."""
        return all(self._decoding)

    @property
    def sparkplug_is_decoded(self) -> bool:
        """Whether Sparkplug B is decoded on some way to Kafka that the site has."""
        return any(self._decoding)

    @property
    def _decoding(self) -> tuple[bool, ...]:
        """Whether each way to Kafka decodes Sparkplug B: there are two while workers run beside the former one."""
        worker = self.streams.worker
        by_worker = () if worker is None else (worker.decode_sparkplug,)
        return by_worker if self.way_to_kafka == "worker" else (*by_worker, self.broker.writes_kafka)

    def consumption(self, user: str) -> Consumption:
        """Return how a Kafka user's consumers stand to the incumbent's; raises KeyError for an unknown user."""
        dashboards = {entry.name: entry.dashboards for entry in self.streams.users}[user]
        if dashboards or self.limits.consumers == "switched":
            return "primary"
        return "shadow" if self.limits.consumers == "shadow" else "waiting"
