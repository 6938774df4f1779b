"""The bridge between two brokers: it subscribes at one with a session that lasts, and publishes at the other."""
