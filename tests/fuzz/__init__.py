"""Specs that nobody would write: mutated ones, each of which ends in a graph or in findings."""
