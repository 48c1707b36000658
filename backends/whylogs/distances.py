"""Distances between two samples from what their sketches hold; 0 is equal, larger is farther."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backends.whylogs.bins import Bins
from backends.whylogs.chance import chi_square_tail
from backends.whylogs.column import ColumnView

Shares = np.ndarray[Any, np.dtype[np.float64]]

FLOOR = 1e-4


def psi(bins: Bins) -> float:
    """Population stability index: sum of (c - r) ln(c / r) over the bins' shares; 0 or more.

    An empty bin counts as half a row, at least as a share of 0.0001, so that
    a logarithm exists and one stray row in a million is no alarm.
    """
    reference, current = _smoothed(bins.reference), _smoothed(bins.current)
    return float(((current - reference) * np.log(current / reference)).sum())


def hellinger(bins: Bins) -> float:
    """Hellinger distance of the bins' shares, 0 to 1 (nothing in common)."""
    gap = np.sqrt(shares(bins.current)) - np.sqrt(shares(bins.reference))
    return min(1.0, float(np.sqrt((gap**2).sum() / 2)))


def chi_square(bins: Bins) -> float:
    """Cramér's V of the bins, 0 to 1, as if both samples had the same number of rows.

    The statistic itself grows with the rows, and V shrinks when one sample is
    much larger; weighing both alike makes one threshold mean the same for a
    day and for a year. The usual statistic and p-value stand in the detail.
    """
    reference, current = shares(bins.reference), shares(bins.current)
    apart = (current - reference) ** 2 / (current + reference)
    return min(1.0, math.sqrt(float(apart.sum()) / 2))


def homogeneity(bins: Bins) -> tuple[float, int, float]:
    """Pearson's test that both samples are of one population: statistic, freedom, p-value."""
    rows = np.array([bins.reference, bins.current])
    expected = np.outer(rows.sum(axis=1), rows.sum(axis=0)) / rows.sum()
    statistic = float(((rows - expected) ** 2 / expected).sum())
    freedom = len(bins.labels) - 1
    return statistic, freedom, chi_square_tail(statistic, freedom)


def ks(reference: ColumnView, current: ColumnView) -> float:
    """Kolmogorov-Smirnov: the largest gap of the cumulative shares, 0 to 1.

    Over all rows: null counts as smaller, and what is not finite as larger
    than every value.
    """
    points = np.unique([*_landmarks(reference), *_landmarks(current)])
    below = np.nextafter(points, -np.inf)
    points = np.unique(np.concatenate([below, points]))
    gaps = _cumulative(reference, points) - _cumulative(current, points)
    return float(np.abs(gaps).max(initial=0.0))


BINNED: Mapping[str, Callable[[Bins], float]] = {
    "psi": psi,
    "hellinger": hellinger,
    "chi_square": chi_square,
}
"""The methods that compare shares per bin, of any type of column."""


def shares(counts: Shares) -> Shares:
    """Counts as shares of their sum; all zero where there are none."""
    total = max(float(counts.sum()), 1e-300)
    return np.asarray(counts / total, dtype=np.float64)


def _smoothed(counts: Shares) -> Shares:
    rows = max(float(counts.sum()), 1.0)
    floored = np.maximum(counts / rows, max(FLOOR, 0.5 / rows) * (counts <= 0))
    return np.asarray(floored, dtype=np.float64)


def _landmarks(view: ColumnView) -> list[float]:
    return view.quantiles([step / 500 for step in range(501)])


def _cumulative(view: ColumnView, points: Shares) -> Shares:
    """Share of all rows that are null or at most each point, and before any value the nulls'."""
    rows = max(view.rows, 1)
    inner = view.nulls + view.at_most(points.tolist()) * view.values
    steps: Shares = np.array([view.nulls, *inner, view.nulls + view.values], dtype=np.float64)
    return steps / rows
