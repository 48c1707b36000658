"""Rows of a reference and of a window counted into the same bins, from their sketches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct

from backends.whylogs.column import ColumnView

QUANTILES = tuple(step / 10 for step in range(11))
MOST_ITEMS = 20
"""Categories of the reference that get a bin of their own; the rest is ``other``."""


class Bins(Struct, frozen=True):
    """Rows per bin on both sides; ``labels`` say what a bin holds."""

    labels: tuple[str, ...]
    reference: np.ndarray[Any, np.dtype[np.float64]]
    current: np.ndarray[Any, np.dtype[np.float64]]


def bins_of(reference: ColumnView, current: ColumnView, type: str) -> Bins:
    """Bins by the reference: its deciles, or its frequent items, then what is no value.

    Null is a bin of its own and so is what is not finite (NaN, infinities): a
    column that turns null has drifted. Bins that both sides leave empty are
    left out.
    """
    if reference.kind in ("number", "temporal"):
        labels, left, right = _intervals(reference, current, type)
    elif reference.kind == "category":
        labels, left, right = _categories(reference, current, type)
    else:
        labels, left, right = ["any value"], [reference.values], [current.values]
    labels += ["not finite", "null"]
    counts = np.array(
        [
            [*left, reference.nans + reference.infinite, reference.nulls],
            [*right, current.nans + current.infinite, current.nulls],
        ],
        dtype=np.float64,
    )
    kept = counts.sum(axis=0) > 0
    shown = tuple(label for label, keep in zip(labels, kept, strict=True) if keep)
    return Bins(shown, counts[0][kept], counts[1][kept])


Counted = tuple[list[str], Sequence[float], Sequence[float]]


def _intervals(reference: ColumnView, current: ColumnView, type: str) -> Counted:
    """``(a, b]`` between the reference's deciles, and what lies below and above all of them."""
    quantiles = reference.quantiles(QUANTILES)
    if not quantiles:
        return ["any value"], [reference.values], [current.values]
    lowest = quantiles[0]
    edges = [float(np.nextafter(lowest, -np.inf)), *np.unique(quantiles[1:]).tolist()]
    shares = [np.diff(view.at_most(edges), prepend=0.0) for view in (reference, current)]
    above = [1.0 - float(share.sum()) for share in shares]
    names = formatted([lowest, *edges[1:]], type)
    labels = [f"< {names[0]}"]
    labels += [_interval(a, b, first=not k) for k, (a, b) in enumerate(pairwise(names))]
    labels.append(f"> {names[-1]}")
    left, right = (
        [*(share * view.values).tolist(), max(0.0, rest) * view.values if view.values else 0.0]
        for share, rest, view in zip(shares, above, (reference, current), strict=True)
    )
    return labels, left, right


def _interval(low: str, high: str, first: bool) -> str:
    if first and low == high:
        return f"= {low}"
    return f"{low} to {high}"


def _categories(reference: ColumnView, current: ColumnView, type: str) -> Counted:
    items = reference.items(MOST_ITEMS)
    left: list[float] = [float(rows) for _, rows in items]
    right: list[float] = [float(current.item(value)) for value, _ in items]
    left.append(max(0.0, reference.values - sum(left)))
    right.append(max(0.0, current.values - sum(right)))
    return [*(named(value, type) for value, _ in items), "other"], left, right


def named(value: str, type: str) -> str:
    """A category as the spec would write it: whylogs has Python's ``True`` for a boolean."""
    return value.lower() if type == "bool" else value


def formatted(values: Sequence[float], type: str) -> list[str]:
    """Short texts of rising numbers that stay apart where the numbers do."""
    if type.startswith(("date", "time")):
        return [moment(value, type) for value in values]
    different = len(set(values))
    for digits in range(3, 18):
        texts = [_short(value, digits) for value in values]
        if len(set(texts)) == different:
            break
    return texts


def moment(seconds: float, type: str) -> str:
    """Seconds since the epoch (``time``: since midnight) as a date or time people read."""
    try:
        if type.startswith("time") and not type.startswith("timestamp"):
            return str(timedelta(seconds=round(seconds)))
        at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return "outside the calendar"
    if type.startswith("date") or (at.hour, at.minute, at.second) == (0, 0, 0):
        return at.strftime("%Y-%m-%d")
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _short(value: float, digits: int) -> str:
    if value == int(value) and abs(value) < 10**6:
        return str(int(value))
    return f"{value:.{digits}g}"
