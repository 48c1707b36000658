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
    codes, values = encoded(name, column, "slice")
    rows = np.bincount(codes, minlength=len(values))
    order = sorted(range(len(values)), key=lambda code: (-rows[code], str(values[code])))
    null = [code for code in order if values[code] is None]
    chosen = order[:LIMIT]
    for code in chosen + [code for code in null if code not in chosen]:
        yield plain_value(values[code]), np.flatnonzero(codes == code)


def encoded(name: str, column: pa.Array, use: str) -> tuple[Array, list[Any]]:
    """Each row's code, and the value that each code stands for; null is a value as any other.

    Raises:
        StackcError: The column is of a type without values to tell rows apart by (E704).
    """
    try:
        found = column.dictionary_encode("encode")
    except pa.ArrowNotImplementedError:
        raise fail(
            Code.VALUE_TYPE,
            f"the {use} column `{name}` is {column.type}, which has no values to group rows by",
            help="use a number, a text, a boolean or a date",
        ) from None
    return found.indices.to_numpy(zero_copy_only=False), found.dictionary.to_pylist()


def plain_value(value: Any) -> Any:
    """A cell as JSON has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta | decimal.Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return value
