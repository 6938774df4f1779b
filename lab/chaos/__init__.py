"""Interrupts deployments in the lab at chosen moments, and compares what is on the servers afterwards."""
