"""The worker: it reads MQTT messages at the broker, writes them to Kafka, and acknowledges what Kafka acknowledged."""
