"""Which alerts a site in every trouble at once does not raise, and why: the servers answer in it (`lab/trouble.py`)."""

# What these say is silent; tests of their own are in tests/programs/components/prometheus_rules/.
OF_SILENCE = {
    "BrokerAvailabilityBurnsFast",
    "BrokerAvailabilityBurnsSlowly",
    "BrokerNodeLost",
    "PolicyServerDown",
    "SinkWorkersDown",
}
# Connections cannot have fallen and be near their limit at once.
CONTRADICTED = {"BrokerConnectionsNearLimit"}
# In the pilot the sinks wait, and no connector runs.
OF_CONNECTORS = {"SinkTaskFailed", "SinkRefusesRecords"}
