"""Names, types and meaning: from a validated spec to the graph."""
