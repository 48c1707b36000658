"""Fitted preparation to ONNX: values and nulls in, columns of one float32 matrix out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from compiler.features.emit_core import Emit, Value
from compiler.features.onnx_graph import BOOL, DOUBLE, FLOAT, INT, ML, TEXT, Tensor
from compiler.features.preparation import (
    NULL,
    RARE,
    Category,
    FeatureStatistics,
    category_label,
)
from compiler.graph.operations import FeatureSpec


class Prepared(Struct, frozen=True):
    """One feature ready for the matrix: its specification, what was learnt, its value."""

    spec: FeatureSpec
    statistics: FeatureStatistics
    value: Value

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.labels())

    def labels(self) -> tuple[str, ...]:
        """The names of its columns."""
        if self.spec.encode != "one_hot":
            return (self.spec.name,)
        kept = [category_label(category) for category in self.statistics.categories]
        last = [NULL] if self.can_miss else []
        return tuple(f"{self.spec.name}={label}" for label in (*kept, RARE, *last))

    @property
    def can_miss(self) -> bool:
        """Whether a null reaches the encoding."""
        return self.value.null is not None and self.filling is None

    @property
    def filling(self) -> Category | float | None:
        """What stands for a missing value; None where it stays missing."""
        spec, learnt = self.spec, self.statistics
        quartiles = learnt.quartiles or (0.0, 0.0, 0.0)
        found = {
            "mean": learnt.mean,
            "median": quartiles[1],
            "most_frequent": learnt.most_frequent,
            "constant": spec.fill,
        }
        if spec.impute == "none":
            return None
        chosen = found[spec.impute]
        return _blank(self.value) if chosen is None else chosen


def _blank(value: Value) -> Category | float:
    """What is filled in where every training value was missing."""
    return "" if value.tensor.element == TEXT else 0


def scaling(spec: FeatureSpec, learnt: FeatureStatistics) -> tuple[float, float]:
    """What is subtracted, and what the rest is divided by; a constant feature is not divided."""
    low, middle, high = learnt.quartiles or (0.0, 0.0, 0.0)
    least, most = learnt.minimum or 0.0, learnt.maximum or 0.0
    centre, width = {
        "none": (0.0, 1.0),
        "standard": (learnt.mean or 0.0, learnt.std or 0.0),
        "min_max": (least, most - least),
        "robust": (middle, high - low),
    }[spec.scale]
    steady = spec.scale == "standard" and width <= 1e-15 * abs(centre)
    return centre, (1.0 if width == 0.0 or steady or not np.isfinite(width) else width)


def matrix(emit: Emit, features: Sequence[Prepared]) -> Tensor:
    """The matrix ``[N, F]``, its columns in the features' order.

    Numbers are prepared together, as one ``[K, N]`` block in double precision,
    so that their number hardly changes how many nodes run.
    """
    numbers = [feature for feature in features if feature.spec.encode != "one_hot"]
    blocks = [_numbers(emit, numbers)] if numbers else []
    hot = [feature for feature in features if feature.spec.encode == "one_hot"]
    blocks += [_one_hot(emit, feature) for feature in hot]
    joined = blocks[0] if len(blocks) == 1 else emit.graph.node("Concat", blocks, FLOAT, axis=1)
    places = _places(features, numbers, hot)
    if places == sorted(places):
        return joined
    order = emit.graph.constant(places, INT)
    return emit.graph.node("Gather", [joined, order], FLOAT, axis=1)


def _places(
    features: Sequence[Prepared], numbers: Sequence[Prepared], hot: Sequence[Prepared]
) -> list[int]:
    """Where each column of the matrix stands among the blocks."""
    start, first = 0, {}
    for feature in (*numbers, *hot):
        first[feature.spec.name] = start
        start += feature.width
    return [first[f.spec.name] + offset for f in features for offset in range(f.width)]


def _numbers(emit: Emit, features: Sequence[Prepared]) -> Tensor:
    rows = [_row(emit, feature) for feature in features]
    block = _stacked(emit, rows)
    fills = [np.nan if f.spec.encode == "ordinal" else _number(f.filling) for f in features]
    if not all(np.isnan(fill) for fill in fills):
        missing = emit.test("IsNaN", block)
        block = emit.choose(missing, _column(emit, fills), block)
    plain = (0.0, 1.0)
    scales = [scaling(f.spec, f.statistics) if f.spec.encode == "none" else plain for f in features]
    if any(centre for centre, _ in scales):
        block = emit.op("Sub", block, _column(emit, [centre for centre, _ in scales]))
    if any(width != 1.0 for _, width in scales):
        block = emit.op("Div", block, _column(emit, [width for _, width in scales]))
    single = emit.graph.cast(block, FLOAT)
    return emit.graph.node("Transpose", [single], FLOAT, perm=[1, 0])


def _number(filling: Category | float | None) -> float:
    return np.nan if filling is None else float(filling)


def _column(emit: Emit, values: Sequence[float]) -> Tensor:
    return emit.graph.constant(np.array(values, dtype=np.float64)[:, None], DOUBLE)


def _stacked(emit: Emit, rows: Sequence[Tensor]) -> Tensor:
    """Tensors ``[N]`` as one ``[K, N]``."""
    if len(rows) == 1:
        return emit.op("Unsqueeze", rows[0], emit.graph.constant([0], INT))
    long = emit.graph.node("Concat", list(rows), DOUBLE, axis=0)
    return emit.op("Reshape", long, emit.graph.constant([len(rows), -1], INT))


def _row(emit: Emit, feature: Prepared) -> Tensor:
    """The feature as doubles ``[N]``, NaN where it is missing."""
    value = feature.value
    if feature.spec.encode == "ordinal":
        return emit.graph.stretched(emit.graph.cast(_index(emit, feature), DOUBLE))
    number = emit.graph.cast(value.tensor, DOUBLE)
    if value.null is not None:
        number = emit.choose(value.null, emit.double(np.nan), number)
    return emit.graph.stretched(number)


def _one_hot(emit: Emit, feature: Prepared) -> Tensor:
    index = emit.graph.stretched(_index(emit, feature))
    size = emit.integer(feature.width)
    switch = emit.graph.constant([0.0, 1.0], FLOAT)
    return emit.graph.node("OneHot", [index, size, switch], FLOAT, axis=-1)


def _index(emit: Emit, feature: Prepared) -> Tensor:
    """The place of the category: known ones first, then rare or unknown, then null."""
    value, filling = feature.value, feature.filling
    tensor = value.tensor
    if tensor.element == BOOL:
        tensor = emit.graph.cast(tensor, INT)
    if filling is not None and value.null is not None:
        instead = emit.graph.constant(filling, tensor.element)
        tensor = emit.choose(value.null, instead, tensor)
    index = _encoded(emit, tensor, feature.statistics.categories)
    if feature.can_miss and value.null is not None:
        null = emit.integer(len(feature.statistics.categories) + 1)
        index = emit.choose(value.null, null, index)
    return index


def _encoded(emit: Emit, tensor: Tensor, categories: Sequence[Category]) -> Tensor:
    rare = len(categories)
    if not rare:
        shape = emit.graph.node("Shape", [emit.graph.stretched(tensor)], INT)
        return emit.graph.node("Expand", [emit.integer(0), shape], INT)
    text = tensor.element == TEXT
    keys = [str(c) for c in categories] if text else [int(c) for c in categories]
    attributes = {
        "keys_strings" if text else "keys_int64s": keys,
        "values_int64s": list(range(rare)),
        "default_int64": rare,
    }
    return emit.graph.node("LabelEncoder", [tensor], INT, domain=ML, **attributes)
