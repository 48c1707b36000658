"""What fitting learns: exact statistics of features, streamed over the training rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct, field
from numpy.typing import NDArray

from backends.models.feed import outputs, row_count
from backends.models.sessions import session
from compiler.features.models import expressions_model, used_columns
from compiler.features.preparation import Category, FeatureStatistics
from compiler.graph.operations import FeatureSpec
from compiler.graph.types import Column

Column64 = NDArray[np.float64]


class _Running(Struct):
    """One feature while its rows stream past."""

    spec: FeatureSpec
    rows: int = 0
    missing: int = 0
    finite: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    counts: Counter[Any] = field(default_factory=Counter)

    @property
    def counted(self) -> bool:
        """Whether its distinct values matter."""
        return self.spec.encode != "none" or self.spec.impute == "most_frequent"

    def add(self, values: NDArray[Any], null: NDArray[np.bool_]) -> None:
        """One batch."""
        self.rows += len(values)
        kept = values[~null] if null.any() else values
        if values.dtype == np.float64:
            kept = kept[~np.isnan(kept)]
        self.missing += len(values) - len(kept)
        if self.counted:
            self.count(kept)
        if values.dtype != np.object_:
            numbers = kept.astype(np.float64)
            self.measure(numbers[np.isfinite(numbers)])

    def count(self, kept: NDArray[Any]) -> None:
        """Add distinct values."""
        pairs = pa.array(kept, from_pandas=False).value_counts()
        counts = pairs.field("counts").to_pylist()
        for value, count in zip(pairs.field("values").to_pylist(), counts, strict=True):
            self.counts[value] += count

    def measure(self, numbers: Column64) -> None:
        """Add to the mean and the squares around it, as Chan, Golub and LeVeque do."""
        count = len(numbers)
        if not count:
            return
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(numbers.mean())
            squares = float(np.square(numbers - mean).sum())
            total, delta = self.finite + count, mean - self.mean
            self.mean += delta * count / total
            self.squares += squares + delta * delta * self.finite * count / total
        self.finite = total
        self.minimum = min(self.minimum, float(numbers.min()))
        self.maximum = max(self.maximum, float(numbers.max()))

    def learnt(self, quartiles: tuple[float, float, float] | None) -> FeatureStatistics:
        """What is known in the end."""
        std = math.sqrt(self.squares / self.finite) if self.finite else 0.0
        there = self.finite > 0
        return FeatureStatistics(
            name=self.spec.name,
            rows=self.rows,
            missing=self.missing,
            mean=_finite(self.mean) if there else None,
            std=_finite(std) if there else None,
            minimum=self.minimum if there else None,
            maximum=self.maximum if there else None,
            quartiles=quartiles,
            most_frequent=self.most_frequent(),
            categories=tuple(self.categories()),
            counts=tuple(self.counts[category] for category in self.categories()),
        )

    def ranked(self) -> list[Any]:
        """Distinct values, the most frequent first, equals by value."""
        return [value for value, _ in sorted(self.counts.items(), key=lambda p: (-p[1], p[0]))]

    def most_frequent(self) -> Category | float | None:
        """The most frequent value; infinities stand for nothing."""
        usable = (v for v in self.ranked() if isinstance(v, str) or math.isfinite(v))
        return next(usable, None)

    def categories(self) -> list[Category]:
        """Values that get a column or an index of their own."""
        if self.spec.encode == "none":
            return []
        least = self.spec.min_frequency * self.rows
        frequent = [value for value in self.ranked() if self.counts[value] >= least]
        return frequent[: self.spec.max_categories]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def learn(
    features: Sequence[FeatureSpec],
    request: Sequence[Column],
    table: Path,
    threads: int,
    memory: int,
) -> tuple[FeatureStatistics, ...]:
    """The statistics of every feature over a Parquet file.

    One pass for all; one more for as many features with quartiles as fit into
    a quarter of ``memory`` bytes at a time, one column each at least.
    """
    running = [_Running(spec) for spec in features]
    for block in _blocks(features, request, table, threads):
        for place, one in enumerate(running):
            one.add(block[2 * place], block[2 * place + 1])
    quartiles = _quartiles(features, request, table, threads, memory)
    return tuple(one.learnt(quartiles.get(one.spec.name)) for one in running)


def _blocks(
    features: Sequence[FeatureSpec], request: Sequence[Column], table: Path, threads: int
) -> Iterator[list[NDArray[Any]]]:
    opened = session(expressions_model(features, request), threads)
    return outputs(opened, table, tuple(request))


def _quartiles(
    features: Sequence[FeatureSpec],
    request: Sequence[Column],
    table: Path,
    threads: int,
    memory: int,
) -> dict[str, tuple[float, float, float]]:
    asked = [spec for spec in features if spec.impute == "median" or spec.scale == "robust"]
    rows = row_count(table)
    together = max(1, memory // 4 // max(rows * 8, 1))
    found: dict[str, tuple[float, float, float]] = {}
    for start in range(0, len(asked), together):
        some = asked[start : start + together]
        needed = used_columns(some, request) or tuple(request[:1])
        columns = np.full((len(some), rows), np.nan)
        offset = 0
        for block in _blocks(some, needed, table, threads):
            length = len(block[0])
            for place in range(len(some)):
                part = columns[place, offset : offset + length]
                part[:] = np.where(block[2 * place + 1], np.nan, block[2 * place])
            offset += length
        for spec, column in zip(some, columns, strict=True):
            numbers = column[np.isfinite(column)]
            if len(numbers):
                low, middle, high = np.percentile(numbers, [25, 50, 75])
                found[spec.name] = (float(low), float(middle), float(high))
    return found
