"""The kit's Rego policies, found by path from Python."""
