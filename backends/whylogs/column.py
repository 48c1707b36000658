"""What the sketches of one column say, in plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from msgspec import Struct

from backends.whylogs.compat import ColumnProfileView, sketching
from backends.whylogs.sketch import ColumnSketch, Kind

MOST_VALUES = 4096
"""Values that are told apart; sketches count about 3,000 exactly."""


class ColumnView(Struct, frozen=True):
    """A whylogs column view with names for what is asked of it; counts are rows."""

    view: Any
    kind: Kind

    @classmethod
    def merged(cls, views: Sequence[ColumnView], kind: Kind) -> ColumnView:
        """Several windows of a column as one."""
        empty = ColumnProfileView(metrics={})
        found = reduce(lambda left, right: left.merge(right), (v.view for v in views), empty)
        return cls(found, kind) if views else cls(ColumnSketch(kind).view(), kind)

    def _count(self, name: str) -> int:
        return int(getattr(self.view.get_metric("counts"), name).value)

    @property
    def rows(self) -> int:
        """All rows."""
        return self._count("n")

    @property
    def nans(self) -> int:
        """Rows that are NaN."""
        return self._count("nan")

    @property
    def nulls(self) -> int:
        """Rows that are null; NaN is not."""
        return self._count("null") - self.nans

    @property
    def infinite(self) -> int:
        """Rows that are plus or minus infinity."""
        return self._count("inf")

    @property
    def values(self) -> int:
        """Rows with a value that was sketched: not null, NaN or infinite."""
        return self.rows - self.nulls - self.nans - self.infinite

    @property
    def distinct(self) -> int | None:
        """Estimated number of distinct values; None where it was not counted."""
        metric = self.view.get_metric("cardinality")
        if metric is None:
            return None
        return min(round(float(metric.hll.value.get_estimate())), self.values)

    @property
    def mean(self) -> float | None:
        """Mean of the sketched values."""
        return _finite(self._distribution().avg) if self.values else None

    @property
    def stddev(self) -> float | None:
        """Standard deviation of the sketched values (of the sample)."""
        return _finite(self._distribution().stddev) if self.values else None

    def quantiles(self, ranks: Sequence[float]) -> list[float]:
        """Values at ranks 0..1; 0 and 1 are exact. Empty where there are no values."""
        sketch = self._distribution().kll.value
        if sketch.is_empty():
            return []
        inner = sketch.get_quantiles(list(ranks))
        ends = {0.0: sketch.get_min_value(), 1.0: sketch.get_max_value()}
        return [float(ends.get(rank, value)) for rank, value in zip(ranks, inner, strict=True)]

    def at_most(self, points: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Share of the values at or below each of the rising points."""
        sketch = self._distribution().kll.value
        if sketch.is_empty() or not len(points):
            return np.zeros(len(points))
        return np.asarray(sketch.get_cdf(list(points), True)[: len(points)], dtype=np.float64)

    def items(self, limit: int) -> list[tuple[str, int]]:
        """The most frequent values and their rows, most frequent first, ties by value.

        Of more distinct values than are counted exactly, only those that are
        surely frequent; it may be none.
        """
        sketch = self._items()
        if sketch.is_empty():
            return []
        rows = sketch.get_frequent_items(sketching.frequent_items_error_type.NO_FALSE_POSITIVES)
        found = sorted(((str(row[0]), int(row[1])) for row in rows), key=lambda i: (-i[1], i[0]))
        return found[:limit]

    def item(self, value: str) -> int:
        """Estimated rows that have this value."""
        return int(self._items().get_estimate(value))

    def unknown_to(self, reference: ColumnView) -> float | None:
        """Share of the values that the reference has never had; None for what is no category."""
        if self.kind != "category" or reference.kind != "category":
            return None
        if not self.values:
            return 0.0
        known = sum(rows for value, rows in self.items(MOST_VALUES) if reference.item(value))
        return max(0.0, 1.0 - known / self.values)

    def _distribution(self) -> Any:
        return self.view.get_metric("distribution")

    def _items(self) -> Any:
        return self.view.get_metric("frequent_items").frequent_strings.value


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
