"""The `sitectl` command: one module per verb."""
