"""The policy's part of the site: the server that decides, and who may publish and subscribe to what."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from model.base import CommonName, Label, Part, Text, Written
from model.image import Image
from model.scaling import Autoscaling

TopicFilter = Annotated[str, StringConstraints(min_length=1, max_length=256), Written]
STATE_SPACES = {"v3.0": "spBv1.0/STATE", "v2.2": "STATE"}
"""Where a host says whether it is there, by version of Sparkplug."""


class TopicRule(Part):
    """One permission: the clients that it names may do the actions on the topics; what no rule allows is denied."""

    name: Label = Field(description="Name, by which layers change the rule.")
    who: CommonName = Field(
        description="Client class (device, gateway, service, mirror, user) or a pattern of common names with `*`."
    )
    actions: tuple[Literal["publish", "subscribe"], ...] = Field(min_length=1, description="What it may do.")
    topics: tuple[TopicFilter, ...] = Field(
        min_length=1,
        description="MQTT topic filters. `{site}` is the site's name, `{name}` the client's common name. `{elsewhere}` "
        "is each topic space of an asset that does not begin with the site's name, `{host}` each host's Sparkplug id.",
    )


class Host(Part):
    """A host application that speaks to devices: by name; no other client may.

    It comes with the certificate `<name>.services.<domain>`.
    """

    name: Label = Field(
        description="First part of its certificate's common name, `<name>.services.<domain>`."
    )
    title: Text = Field(description="Name for people.")
    host_id: Label | None = Field(
        None,
        description="Sparkplug host id, under which it says whether it is there, and hears it.",
    )
    sparkplug: tuple[Literal["v3.0", "v2.2"], ...] = Field(
        ("v3.0",),
        min_length=1,
        description="Versions of Sparkplug by which it says so: v3.0 under `spBv1.0/STATE/<host_id>`, v2.2 under "
        "`STATE/<host_id>`.",
    )
    commands: tuple[TopicFilter, ...] = Field(
        (),
        description="Commands that it may send: filters with a level `command`, or of Sparkplug's NCMD or DCMD.",
    )

    @property
    def states(self) -> tuple[str, ...]:
        """The topics under which it says whether it is there; none where it has no Sparkplug id."""
        if self.host_id is None:
            return ()
        return tuple(f"{STATE_SPACES[version]}/{self.host_id}" for version in self.sparkplug)


class Policy(Part):
    """The policy server for MQTT and its rules."""

    image: Image = Field(description="The policy server's image.")
    replicas: int = Field(ge=1, le=16, description="Policy servers; the fewest where they scale themselves.")
    autoscaling: Autoscaling | None = Field(
        None, description="When more policy servers are started; left out, there are `replicas`."
    )
    hosts: tuple[Host, ...] = Field(
        (), description="Hosts that may speak to devices; keyed by name. Left out: no client may."
    )
    rules: tuple[TopicRule, ...] = Field(min_length=1, description="Permissions; keyed by name.")
