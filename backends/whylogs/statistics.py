"""What a profile says of each column, as plain numbers and texts for a report."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from backends.whylogs.bins import formatted, moment, named
from backends.whylogs.column import ColumnView
from backends.whylogs.container import ProfiledColumn, ProfileSet, read_profile

BARS = 20
TOP = 10
RANKS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def summarise_profile(path: Path) -> list[dict[str, Any]]:
    """One mapping per column of a profile file, all windows taken together.

    See ``summaries``. Raises StackcError W702 where the file is damaged.
    """
    return summaries(read_profile(path))


def summaries(profiles: ProfileSet) -> list[dict[str, Any]]:
    """One mapping per column.

    ``name``, ``type``, ``kind``; ``count``, ``nulls``, ``nans``, ``infinite``
    (rows); ``distinct`` (estimate); for numbers and times ``min``, ``max``,
    ``mean``, ``stddev`` (numbers only), ``quantiles`` (rank to value) and
    ``histogram`` (``labels`` of the bars and their ``shares`` of the values);
    for categories ``top``: ``value``, ``rows``. Times are texts. What is
    unknown is None or empty.
    """
    merged = profiles.merged()
    return [_summary(column, merged.columns[column.name]) for column in profiles.columns]


def _summary(column: ProfiledColumn, view: ColumnView) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "kind": column.kind,
        "count": view.rows,
        "nulls": view.nulls,
        "nans": view.nans,
        "infinite": view.infinite,
        "distinct": view.distinct,
        "min": None,
        "max": None,
        "mean": None,
        "stddev": None,
        "quantiles": {},
        "top": [],
        "histogram": {"labels": [], "shares": []},
    }
    if column.kind == "category":
        items = view.items(TOP)
        found["top"] = [{"value": named(v, column.type), "rows": rows} for v, rows in items]
    elif column.kind != "other" and view.values:
        found.update(_distribution(column, view))
    return found


def _distribution(column: ProfiledColumn, view: ColumnView) -> dict[str, Any]:
    temporal = column.kind == "temporal"
    low, *inner, high = view.quantiles((0.0, *RANKS, 1.0))

    def shown(value: float | None) -> float | str | None:
        return moment(value, column.type) if temporal and value is not None else value

    return {
        "min": shown(low),
        "max": shown(high),
        "mean": shown(view.mean),
        "stddev": None if temporal else view.stddev,
        "quantiles": {f"{r:g}": shown(v) for r, v in zip(RANKS, inner, strict=True)},
        "histogram": _histogram(column, view, low, high),
    }


def _histogram(column: ProfiledColumn, view: ColumnView, low: float, high: float) -> dict[str, Any]:
    """Bars of equal width; few whole numbers get a bar each; long tails share the end bars."""
    whole = "int" in column.type and high - low < BARS
    if low == high or whole:
        centres = np.arange(low, high + 1) if whole else np.array([low])
        upper = centres + 0.5 if whole else np.array([low])
        labels = formatted(centres.tolist(), column.type)
    else:
        upper = _edges(view, low, high)
        names = formatted([low, *upper.tolist()], column.type)
        labels = [f"{a} to {b}" for a, b in pairwise(names)]
    counts = np.diff(view.at_most(upper.tolist()), prepend=0.0)
    return {"labels": labels, "shares": [round(float(share), 6) for share in counts]}


def _edges(view: ColumnView, low: float, high: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    first, last = view.quantiles((0.01, 0.99))
    if high / 4 - low / 4 > last - first > 0:
        inner = np.linspace(first, last, BARS - 1)
        return np.unique([*inner[inner > low], high])
    steps = np.arange(1, BARS) / BARS
    return np.unique([*(low * (1 - steps) + high * steps), high])
