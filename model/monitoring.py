"""Measurement's part of the site: its service level and how the platform's Prometheus finds it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from model.base import Address, LabelKey, LabelValue, Part
from model.calendar import Window
from model.image import Image
from model.units import Duration, Percentage, between

Severity = Literal["page", "ticket"]
ScrapeInterval = Annotated[Duration, between(Duration(5), Duration(120))]
"""Prometheus takes a sample for the present one for five minutes: two scrapes must fit, also when one is lost."""
AlertName = Literal[
    "BrokerAvailabilityBurnsFast",
    "BrokerAvailabilityBurnsSlowly",
    "BrokerNodeLost",
    "BrokerClusterSplit",
    "BrokerConfigurationDrifts",
    "BrokerReplicationLags",
    "BrokerCertificateNotRenewed",
    "BrokerCertificateExpires",
    "BrokerConnectionsNearLimit",
    "BrokerSessionsNearPlan",
    "BrokerDropsMessages",
    "BrokerOverloaded",
    "PolicyServerDown",
    "PolicyServerErrors",
    "PolicyDenialsSpike",
    "BrokerRefusesClients",
    "PolicyDeniesEverything",
    "BrokerConnectionsFallen",
    "BrokerHandshakesFail",
    "ClientsBanned",
    "BrokerAccessChecksChanged",
    "UnknownRulesAtBroker",
    "RecordsRefused",
    "SomeRecordsRefused",
    "RecordsDropped",
    "RecordsPileUp",
    "RecordsNotCarried",
    "RecordsNotMade",
    "AuditSilent",
    "WorkerAway",
    "WorkerNotSubscribed",
    "WorkerFallsBehind",
    "WorkerQueueFills",
    "WorkerQueueOverflows",
    "KafkaRefusesRecords",
    "DeadLettersGrow",
    "RecordsDoubled",
    "WorkerSessionLost",
    "SparkplugSequenceGaps",
    "SparkplugBirthsLost",
    "IncumbentBridgeDown",
    "IncumbentBridgeReceivesNothing",
    "IncumbentBridgeLosesMessages",
    "BridgeWorkerAway",
    "BridgeWorkerHearsNothing",
    "BridgeWorkerLags",
    "BridgeWorkerRefused",
    "AuthorityOutlived",
    "AuthorityAges",
    "RevocationListNotRenewed",
    "RevocationListExpires",
    "RevocationListUnreachable",
    "ServerCertificateNotRenewed",
    "ServerCertificateExpires",
    "CertificateAgesUnknown",
    "SinkWorkersDown",
    "SinkTaskFailed",
    "SinkRefusesRecords",
]


class ServiceLevel(Part):
    """What the site promises to its users."""

    availability: Percentage = Field(description="Share of service hours in which the broker serves.")
    repair: Duration = Field(description="Mean time to repair stays below this.")
    hours: Literal["business", "24x7"] = Field(description="Hours in which the promise holds.")


class AlertSeverity(Part):
    """How much one alert matters, where that is not as usual."""

    name: AlertName = Field(description="Name of the alert.")
    severity: Severity = Field(
        description="`page` wakes the on-call operator; a `ticket` waits for working hours."
    )


class Exporter(Part):
    """The exporter that tells when the site's CAs, lists of revoked certificates and server certificates end."""

    image: Image = Field(
        description="Image with Python 3.11 or later, cryptography, requests and prometheus-client (docs/real-site.md)."
    )


class Monitoring(Part):
    """Scraping, rules and alerts."""

    service_level: ServiceLevel = Field(description="Service level; not below the phase's.")
    business_hours: tuple[Window, ...] = Field(
        min_length=1, description="The hours that a service level of `business` hours means; keyed by name."
    )
    exporter: Exporter = Field(description="The certificate exporter.")
    scrape_interval: ScrapeInterval = Field(description="Time between two scrapes, 5s to 2m.")
    labels: dict[LabelKey, LabelValue] = Field(
        description="Labels that the platform's Prometheus selects by."
    )
    severities: tuple[AlertSeverity, ...] = Field(
        (), description="Alerts that matter more or less in this phase than they usually do; keyed by name."
    )
    runbook_url: Address = Field(description="Where the runbooks are served; `/<alert>` is appended.")

    def promised_at(self, moment: datetime) -> bool:
        """Say whether the service level holds at a moment (an aware datetime)."""
        return self.service_level.hours == "24x7" or any(
            window.open_at(moment) for window in self.business_hours
        )

    def severity(self, alert: AlertName, usual: Severity) -> Severity:
        """Return how much an alert matters at this site; `usual` where nothing else is said."""
        return {entry.name: entry.severity for entry in self.severities}.get(alert, usual)
