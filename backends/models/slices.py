"""Metrics of the rows where a column has one value."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from backends.models.metrics import Array
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.documents import Slice

LIMIT = 50
"""Values per column: those with the most rows."""


def slices(
    name: str, column: pa.Array, measure: Callable[[Array], dict[str, float | None]]
) -> list[Slice]:
    """One slice a value, most rows first; null is a value of its own and always among them.

    ``measure`` gives the metrics of the rows at some positions.
    """
    return [
        Slice(column=name, value=value, rows=len(at), metrics=measure(at))
        for value, at in _groups(name, column)
    ]


def _groups(name: str, column: pa.Array) -> Iterator[tuple[Any, Array]]:
    try:
        encoded = column.dictionary_encode("encode")
    except pa.ArrowNotImplementedError:
        raise fail(
            Code.VALUE_TYPE,
            f"the slice column `{name}` is {column.type}, which has no values to slice by",
            help="slice by a number, a text, a boolean or a date",
        ) from None
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    values = encoded.dictionary.to_pylist()
    rows = np.bincount(codes, minlength=len(values))
    order = sorted(range(len(values)), key=lambda code: (-rows[code], str(values[code])))
    null = [code for code in order if values[code] is None]
    chosen = order[:LIMIT]
    for code in chosen + [code for code in null if code not in chosen]:
        yield plain_value(values[code]), np.flatnonzero(codes == code)


def plain_value(value: Any) -> Any:
    """A cell as JSON has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta | decimal.Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return value
