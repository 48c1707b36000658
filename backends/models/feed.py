"""Arrow to the inputs of a model, and models run over tables in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backends.models.sessions import request_of, session
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.features.preparation import NULL_SUFFIX
from compiler.graph.types import Column, DataType

Feeds: TypeAlias = dict[str, NDArray[Any]]
BATCH_ROWS = 65_536
"""Rows that are scored together."""


def feeds(batch: pa.RecordBatch | pa.Table, request: Sequence[Column]) -> Feeds:
    """A model's inputs from a batch that has the request's columns.

    Integers and dates (in days) and times (in microseconds) become int64, other
    numbers float64, strings objects; where null, a value is 0, false or "". No
    copy is made where Arrow already holds the values so. Raises StackcError:
    E705 for a missing column, E704 for a value that its column cannot have.
    """
    made: Feeds = {}
    for column in request:
        index = batch.schema.get_field_index(column.name)
        if index < 0:
            held = ", ".join(f"`{name}`" for name in batch.schema.names[:12])
            message = f"the model needs the column `{column.name}`, which the table does not have"
            raise fail(Code.SOURCE_COLUMNS, message, help=f"the table has {held}")
        values = _plain(batch.column(index))
        if column.nullable:
            made[column.name + NULL_SUFFIX] = _nulls(values)
        elif values.null_count:
            message = f"column `{column.name}` is declared without nulls and holds some"
            raise fail(Code.VALUE_TYPE, message, help="declare it `nullable: true`")
        made[column.name] = _values(values, column)
    return made


def _plain(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array, without chunks or dictionaries."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
        if isinstance(values, pa.ChunkedArray):
            values = (
                pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
            )
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _nulls(values: pa.Array) -> NDArray[Any]:
    if not values.null_count:
        return np.zeros(len(values), dtype=np.bool_)
    found: NDArray[Any] = values.is_null().to_numpy(zero_copy_only=False)
    return found


def _values(values: pa.Array, column: Column) -> NDArray[Any]:
    try:
        return _converted(values, column.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        reason = str(error).splitlines()[0]
        message = f"column `{column.name}` holds {values.type}, no {column.type}: {reason}"
        way_out = "cast it in the dataset's SQL"
        raise fail(Code.VALUE_TYPE, message, help=way_out) from None


def _converted(values: pa.Array, kind: DataType) -> NDArray[Any]:
    if kind == "string":
        return _strings(values)
    if kind == "bool":
        return _array(_filled(values.cast(pa.bool_()), False))
    if kind.is_float or kind.is_decimal:
        return _doubles(values)
    if kind.is_temporal:
        values = _counted(values, kind)
    return _array(_filled(values.cast(pa.int64()), 0))


def _filled(values: pa.Array, blank: object) -> pa.Array:
    return pc.fill_null(values, pa.scalar(blank, values.type)) if values.null_count else values


def _array(values: pa.Array) -> NDArray[Any]:
    found: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return found


def _strings(values: pa.Array) -> NDArray[Any]:
    made = np.empty(len(values), dtype=np.object_)
    made[:] = _filled(values.cast(pa.string()), "").to_pylist()
    return made


def _doubles(values: pa.Array) -> NDArray[Any]:
    if pa.types.is_decimal(values.type):
        values = _from_decimal(values)
    elif pa.types.is_integer(values.type):
        values = values.cast(pa.float64(), safe=False)
    return _array(_filled(values.cast(pa.float64()), 0.0))


def _from_decimal(values: pa.Array) -> pa.Array:
    """Decimals to the nearest doubles: whole units divided by a power of ten, both exact.

    Arrow's own cast multiplies by an inexact 10^-scale, and 0.3 would not be 0.3.
    """
    scale = values.type.scale
    digits = values.type.precision
    if digits <= 15 and 0 <= scale <= 22:
        whole = pa.decimal128(digits, 0)
        units = pa.Array.from_buffers(
            whole, len(values), _decimal128(values).buffers(), values.null_count, values.offset
        )
        return pc.divide(units.cast(pa.int64()).cast(pa.float64()), 10.0**scale)
    exact = [None if value is None else float(value) for value in values.to_pylist()]
    return pa.array(exact, pa.float64())


def _decimal128(values: pa.Array) -> pa.Array:
    return values.cast(pa.decimal128(values.type.precision, values.type.scale))


def _counted(values: pa.Array, kind: DataType) -> pa.Array:
    """Dates and times as counts in the unit of the model."""
    if kind == "date":
        return values.cast(pa.date32()).cast(pa.int32())
    if kind == "time":
        return values.cast(pa.time64("us"))
    zone = values.type.tz if pa.types.is_timestamp(values.type) else None
    return values.cast(pa.timestamp("us", zone), safe=False)


def row_count(table: Path) -> int:
    """How many rows a Parquet file has; raises E702 where it is none."""
    try:
        return int(pq.read_metadata(table).num_rows)
    except (OSError, ValueError) as error:
        raise _unreadable(table, error) from None


def _unreadable(table: Path, error: Exception) -> StackcError:
    message = f"the table {table.name} cannot be read: {str(error).splitlines()[0]}"
    return fail(Code.SOURCE_UNREADABLE, message, help="apply again to make it anew")


def outputs(
    opened: ort.InferenceSession,
    table: Path,
    request: tuple[Column, ...],
    batch_rows: int = BATCH_ROWS,
) -> Iterator[list[NDArray[Any]]]:
    """The outputs of a model over a Parquet file, batch by batch, in the file's order."""
    names = [column.name for column in request]
    try:
        with pq.ParquetFile(table) as file:
            held = [name for name in names if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_rows, columns=held):
                yield opened.run(None, feeds(batch, request))
    except (OSError, ValueError) as error:
        raise _unreadable(table, error) from None


def matrix(features: Path, table: Path, threads: int = 1) -> NDArray[np.float32]:
    """The feature matrix float32 ``[N, F]`` of a Parquet file's rows, in the file's order."""
    opened = session(features, threads)
    request = request_of(opened)
    width = opened.get_outputs()[0].shape[1]
    rows = row_count(table)
    made = np.empty((rows, width), dtype=np.float32)
    start = 0
    for (block,) in outputs(opened, table, request):
        made[start : start + len(block)] = block
        start += len(block)
    return made
