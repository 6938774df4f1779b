"""The embedded estate: real servers on loopback, for demonstrations and tests."""
