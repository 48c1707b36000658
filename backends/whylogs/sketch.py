"""Arrow arrays into whylogs sketches, one column at a time, without a DataFrame."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.whylogs.compat import (
    CardinalityMetric,
    ColumnCountsMetric,
    ColumnProfileView,
    DistributionMetric,
    FrequentItemsMetric,
    MetricConfig,
    PreprocessedColumn,
    TypeCountersMetric,
)

Kind: TypeAlias = Literal["number", "temporal", "category", "other"]
"""How a column is sketched.

``number``: a KLL distribution. ``temporal``: the same over seconds since the
epoch (``time``: since midnight). ``category``: frequent items. ``other``
(binary, nested): rows and nulls only.
"""

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

MAX_ITEM = 128
"""Characters of a text that tell it apart; whylogs cuts at the same place."""

EXACT = MetricConfig(fi_lg_max_k=12)
"""Frequent items are counted exactly up to 3,072 distinct values, by estimate beyond."""

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def kind_of(type: pa.DataType) -> Kind:
    """How a column of an Arrow type is sketched."""
    if pa.types.is_dictionary(type):
        return kind_of(type.value_type)
    if pa.types.is_boolean(type) or pa.types.is_string(type) or pa.types.is_large_string(type):
        return "category"
    if pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type):
        return "number"
    if pa.types.is_timestamp(type) or pa.types.is_date(type) or pa.types.is_time(type):
        return "temporal"
    return "other"


def numbers(array: pa.Array) -> Floats:
    """The values that are not null as float64; temporal ones as seconds."""
    array = array.drop_null()
    scale = 1.0
    if pa.types.is_date(array.type):
        array, scale = array.cast(pa.date32()).cast(pa.int32()), 86400.0
    elif pa.types.is_timestamp(array.type) or pa.types.is_time(array.type):
        scale = _SECONDS[array.type.unit]
        array = array.view(pa.int32() if pa.types.is_time32(array.type) else pa.int64())
    cast = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    floats: Floats = np.asarray(cast, dtype=np.float64)
    return floats if scale == 1.0 else floats * scale


class ColumnSketch:
    """The sketches of one column of one window, growing batch by batch."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._counts = ColumnCountsMetric.zero()
        self._types = TypeCountersMetric.zero()
        self._metrics: dict[str, Any] = {"counts": self._counts, "types": self._types}
        if kind in ("number", "temporal"):
            self._metrics["distribution"] = DistributionMetric.zero()
        if kind == "category":
            self._metrics["frequent_items"] = FrequentItemsMetric.zero(EXACT)
        if kind != "other":
            self._metrics["cardinality"] = CardinalityMetric.zero()

    def update(self, array: pa.Array) -> None:
        """Take in one batch of the column."""
        seen = PreprocessedColumn()
        seen.len = len(array)
        seen.null_count = array.null_count
        if self.kind in ("number", "temporal"):
            self._numbers(array, seen)
        elif self.kind == "category":
            self._items(array, seen)
        else:
            self._types.object.set(self._types.object.value + len(array) - array.null_count)
        self._counts.columnar_update(seen)

    def view(self) -> Any:
        """The whylogs view of what was seen so far."""
        return ColumnProfileView(metrics=self._metrics)

    def _numbers(self, array: pa.Array, seen: Any) -> None:
        values = numbers(array)
        finite = np.isfinite(values)
        if not finite.all():
            seen.nan_count = int(np.isnan(values).sum())
            seen.inf_count = int(len(values) - finite.sum()) - seen.nan_count
            # whylogs counts NaN among the nulls; readers of ours take it out again.
            seen.null_count += seen.nan_count
            values = values[finite]
        seen.numpy.floats = values
        with np.errstate(all="ignore"):
            self._metrics["distribution"].columnar_update(seen)
        self._metrics["cardinality"].columnar_update(seen)
        self._types.columnar_update(seen)

    def _items(self, array: pa.Array, seen: Any) -> None:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        present = array.drop_null()
        if pa.types.is_boolean(array.type):
            seen.bool_count = len(present)
            seen.bool_count_where_true = int(present.true_count)
        counted = pc.value_counts(present)
        values, rows = counted.field("values"), counted.field("counts")
        if pa.types.is_boolean(array.type):
            values = pa.array(["True" if value else "False" for value in values.to_pylist()])
            self._types.boolean.set(self._types.boolean.value + len(present))
        else:
            self._types.string.set(self._types.string.value + len(present))
        self._metrics["cardinality"].hll.value.update_str_list(values.to_pylist())
        self._weigh(pc.utf8_slice_codeunits(values, 0, MAX_ITEM) if _long(values) else values, rows)

    def _weigh(self, texts: pa.Array, rows: pa.Array) -> None:
        """Add each distinct value once, with its weight; those seen once in one call."""
        items = self._metrics["frequent_items"].frequent_strings.value
        alone = pc.equal(rows, 1)
        items.update_str_list(texts.filter(alone).to_pylist())
        several = pc.invert(alone)
        weights = rows.filter(several).to_pylist()
        for text, weight in zip(texts.filter(several).to_pylist(), weights, strict=True):
            items.update(text, weight)


def _long(texts: pa.Array) -> bool:
    longest = pc.max(pc.binary_length(texts)).as_py()
    return longest is not None and longest > MAX_ITEM
