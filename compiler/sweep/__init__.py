"""Sweeps: the points of a multirun, compiled to one graph, tried, compared, and one promoted."""
