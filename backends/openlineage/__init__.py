"""Runs in the words of OpenLineage: events, their facets, and how they reach an endpoint."""
