"""Where records go behind Kafka: the stores, and the Kafka Connect workers that fill them."""

from typing import Literal

from pydantic import Field

from model.base import Address, Cores, Domain, Identifier, Label, Part, Port, Text
from model.image import Image
from model.network import Peers
from model.units import Bytes, Duration

WORKERS = "connect"
"""The workers' own Kafka user, and what the names of their topics begin with: no site may use it."""
# The row that every record becomes, whatever is in it, and by what of it a row is found (docs/sinks.md).
ROW_KEY = ("received", "kafka_topic", "kafka_partition", "kafka_offset")
ROW = (*ROW_KEY, "mqtt_topic", "client", "name", "payload")
Store = Literal["timescaledb", "influxdb", "iceberg"]


class KafkaConnect(Part):
    """The Kafka Connect workers of the site, run by Strimzi."""

    image: Image = Field(description="Strimzi's image with the plugins of docs/sinks.md in it.")
    replicas: int = Field(ge=1, le=32, description="Workers.")
    cores: Cores = Field(description="Cores that each asks for.")
    memory: Bytes = Field(description="Memory of each.")
    ready_within: Duration = Field(description="How long a rollout waits for workers and connectors.")


class TimescaleDb(Part):
    """A hypertable in a TimescaleDB; its owner makes it (docs/sinks.md has the statement)."""

    host: Domain = Field(description="Server; its certificate must name it.")
    port: Port = Field(description="Port.")
    at: Peers | None = Field(None, description="Where it is, as network policies name it; always needed.")
    database: Identifier = Field(description="Database.")
    table: Identifier = Field(description="Table, in the schema `public`.")
    login: Identifier = Field(description="User with the right to insert and update, and no other.")


class InfluxDb(Part):
    """A database of InfluxDB, reached by its 1.x API over TLS."""

    host: Domain = Field(description="Server; its certificate must name it.")
    port: Port = Field(description="Port.")
    at: Peers | None = Field(None, description="Where it is, as network policies name it; always needed.")
    database: Identifier = Field(description="Database; in InfluxDB 2, a bucket mapped to this name.")
    measurement: Identifier = Field(description="Measurement.")
    login: Identifier = Field(description="User with the right to write, and no other.")


class Iceberg(Part):
    """A table of an Iceberg REST catalog, with its files in object storage: the cold tier."""

    catalog: Address = Field(description="Address of the REST catalog, `https://…`.")
    catalog_at: Peers | None = Field(
        None, description="Where the catalog is, as network policies name it; always needed."
    )
    warehouse: Text = Field(description="The catalog's name of the warehouse.")
    object_storage: Address = Field(description="Address of the object storage's S3 API, `https://…`.")
    object_storage_at: Peers | None = Field(
        None, description="Where the object storage is, as network policies name it; always needed."
    )
    region: Label = Field(description="Region that the object storage signs requests for.")
    namespace: Identifier = Field(description="Namespace of the table.")
    table: Identifier = Field(description="Table; made when it is not there, partitioned by day.")
    commit_every: Duration = Field(
        Duration(300), description="How often files become visible; 5m when left out: less makes small files."
    )


class Sink(Part):
    """One store that is filled from Kafka topics; exactly one of `timescaledb`, `influxdb`, `iceberg` says which."""

    name: Label = Field(description="Name; the Secret with its credentials is `sink-<name>`.")
    user: Label = Field(description="The user, of `users`, with which it reads.")
    topics: tuple[Label, ...] = Field(min_length=1, description="Topics that it reads; a connector for each.")
    timescaledb: TimescaleDb | None = Field(None, description="A TimescaleDB.")
    influxdb: InfluxDb | None = Field(None, description="An InfluxDB.")
    iceberg: Iceberg | None = Field(None, description="An Iceberg table: the cold tier.")

    @property
    def stores(self) -> tuple[Store, ...]:
        """The stores that are declared; a valid sink has exactly one."""
        named: tuple[Store, ...] = ("timescaledb", "influxdb", "iceberg")
        return tuple(store for store in named if getattr(self, store) is not None)

    @property
    def store(self) -> Store:
        """The kind of store."""
        return self.stores[0]
