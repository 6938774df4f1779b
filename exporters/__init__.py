"""Programs that make series of what no server tells itself."""
