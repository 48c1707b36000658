"""One table, our models and DuckDB side by side."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import duckdb
import onnxruntime as ort
import pyarrow as pa

from backends.models.feed import feeds
from backends.models.sessions import session
from compiler.features.models import expressions_model
from compiler.graph.operations import FeatureSpec
from compiler.graph.types import Column, DataType

ARROW: dict[str, tuple[str, pa.DataType]] = {
    "i": ("int64", pa.int64()),
    "j": ("int32", pa.int32()),
    "k": ("int16", pa.int16()),
    "u": ("uint8", pa.uint8()),
    "x": ("float64", pa.float64()),
    "y": ("float64", pa.float64()),
    "f": ("float32", pa.float32()),
    "g": ("float32", pa.float32()),
    "b": ("bool", pa.bool_()),
    "c": ("bool", pa.bool_()),
    "s": ("string", pa.string()),
    "r": ("string", pa.string()),
    "t": ("timestamp", pa.timestamp("us")),
    "d": ("date", pa.date32()),
    "h": ("time", pa.time64("us")),
    "e": ("decimal(10, 2)", pa.decimal128(10, 2)),
}
NOT_NULL = ("k", "y", "c")
COLUMNS = tuple(Column(n, DataType(kind), n not in NOT_NULL) for n, (kind, _) in ARROW.items())
Row = dict[str, Any]


def table(rows: Sequence[Row]) -> pa.Table:
    """Rows with all columns as an Arrow table."""
    fields = {n: pa.array([row[n] for row in rows], kind) for n, (_, kind) in ARROW.items()}
    return pa.table(fields)


@cache
def opened(expressions: tuple[str, ...]) -> ort.InferenceSession:
    """The expressions as one model."""
    specs = [FeatureSpec(f"f{place}", text) for place, text in enumerate(expressions)]
    return session(expressions_model(specs, COLUMNS))


def ours(expressions: Sequence[str], data: pa.Table) -> list[list[Any]]:
    """For each expression the values of the rows, None where null."""
    found = opened(tuple(expressions)).run(None, feeds(data, COLUMNS))
    values = [array.tolist() for array in found]
    return [
        [None if null else value for value, null in zip(v, n, strict=True)]
        for v, n in zip(values[::2], values[1::2], strict=True)
    ]


_CONNECTION = duckdb.connect(config={"threads": 1})
_CONNECTION.execute("pragma disable_optimizer")


def theirs(expressions: Sequence[str], data: pa.Table) -> list[list[Any]]:
    """For each expression DuckDB's values, null where it fails."""
    _CONNECTION.register("rows", data)
    every = ", ".join(f"try({text})" for text in expressions)
    rows = _CONNECTION.execute(f"select {every} from rows").fetchall()
    return [[plain(row[place]) for row in rows] for place in range(len(expressions))]


def fails(text: str, data: pa.Table) -> bool:
    """Whether DuckDB fails on the expression for some row."""
    _CONNECTION.register("rows", data)
    try:
        _CONNECTION.execute(f"select {text} from rows").fetchall()
    except (duckdb.OutOfRangeException, duckdb.InvalidInputException, duckdb.ConversionException):
        return True
    return False


def plain(value: Any) -> Any:
    """A value as our models count it."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):
        return (value - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return (value - datetime.date(1970, 1, 1)).days
    return value


def same(left: Any, right: Any, tolerance: float) -> bool:
    """Equal as DuckDB's order sees it: NaN equals NaN."""
    if left is None or right is None:
        return left is right
    if isinstance(left, float) or isinstance(right, float):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return bool(left == right) or math.isclose(left, right, rel_tol=tolerance, abs_tol=0.0)
    return bool(left == right)


def assert_same(expressions: Sequence[str], rows: Sequence[Row], tolerance: float = 0.0) -> None:
    """Our models and DuckDB agree on every row that DuckDB does not fail on."""
    data = table(rows)
    pairs = zip(expressions, ours(expressions, data), theirs(expressions, data), strict=True)
    for text, mine, his in pairs:
        for row, left, right in zip(rows, mine, his, strict=True):
            if same(left, right, tolerance) or (right is None and fails(text, table([row]))):
                continue
            raise AssertionError(f"{text}: ours {left!r}, DuckDB {right!r}, {row}")
