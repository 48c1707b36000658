"""The target column: numbers for a regression, codes into sorted labels for classes."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from backends.models.metrics import Array
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.types import Task

MAX_CLASSES = 1000
MIN_ROWS = 10


def read(path: Path, target: str) -> pa.Array:
    """The target of every row.

    Raises:
        StackcError: The file has no such column or cannot be read (E713).
    """
    try:
        with pq.ParquetFile(path) as file:
            column = file.read(columns=[target], use_threads=False).column(target)
    except (KeyError, OSError, pa.ArrowException) as error:
        raise fail(
            Code.TRAINING_FAILED,
            f"the target `{target}` cannot be read from the training table",
            notes=(str(error),),
        ) from error
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def numbers(column: pa.Array, target: str, part: str) -> Array:
    """Float64 values of a regression's target.

    Raises:
        StackcError: Values are missing (E713), or there are too few (E714).
    """
    try:
        values: Array = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException as error:
        raise fail(
            Code.TRAINING_FAILED,
            f"the target `{target}` is {column.type}, not a number",
            help="predict a number, or set the model's `task`",
        ) from error
    missing = int(np.count_nonzero(~np.isfinite(values)))
    _refuse_missing(missing, len(values), target, part)
    return values


def labels(column: pa.Array, target: str, part: str) -> tuple[tuple[Any, ...], Array]:
    """The sorted labels, and each row's code (int64) into them.

    Booleans are false, true; others sort by value, text by code point.

    Raises:
        StackcError: Values are missing (E713).
    """
    missing = int(column.null_count)
    if pa.types.is_floating(column.type):
        missing += int(pc.sum(pc.is_nan(column)).as_py() or 0)
    _refuse_missing(missing, len(column), target, part)
    if pa.types.is_dictionary(column.type):
        # A stored dictionary may hold labels that no row has.
        column = column.dictionary_decode()
    column = column.dictionary_encode()
    found = column.dictionary.to_pylist()
    order = sorted(range(len(found)), key=lambda code: found[code])
    rank = np.empty(len(found), np.int64)
    rank[order] = np.arange(len(found))
    codes = column.indices.to_numpy(zero_copy_only=False)
    codes = rank[codes] if len(found) else codes.astype(np.int64)
    return tuple(_json_label(found[code]) for code in order), codes


def aligned(classes: tuple[Any, ...], column: pa.Array, target: str, part: str) -> Array:
    """Codes of another part's rows into the training part's labels.

    Raises:
        StackcError: A label was not seen in training (E713).
    """
    found, codes = labels(column, target, part)
    known = {label: code for code, label in enumerate(classes)}
    unknown = [label for label in found if label not in known]
    if unknown:
        raise fail(
            Code.TRAINING_FAILED,
            f"the {part} part has values of `{target}` that the training part has not:"
            f" {shown(unknown)}",
            help="split with `stratify: " + target + "`, so that every value is in every part",
        )
    return np.array([known[label] for label in found], np.int64)[codes]


def check(task: Task, classes: tuple[Any, ...], y: Array, target: str) -> None:
    """Refuse a target that nothing can be learned from.

    Raises:
        StackcError: Too few rows or one class (E714), too many classes or a
            constant (E713).
    """
    if len(y) < MIN_ROWS:
        raise fail(
            Code.TOO_FEW_ROWS,
            f"the training part has {len(y)} rows; a model needs at least {MIN_ROWS}",
            help="give the training part a larger share of the split, or read more data",
        )
    if task is Task.REGRESSION:
        if y.min() == y.max():
            raise fail(
                Code.TRAINING_FAILED,
                f"the target `{target}` is {y[0]:g} in every row of the training part",
                help="choose a target that varies, or check the dataset's SQL and its split",
            )
        return
    if len(classes) < 2:
        raise fail(
            Code.TOO_FEW_ROWS,
            f"the target `{target}` has one value in the training part: {shown(classes)}",
            help=f"split with `stratify: {target}`, or check the predicates of the split",
        )
    _refuse_many(task, classes, target)


def _refuse_many(task: Task, classes: tuple[Any, ...], target: str) -> None:
    if task is Task.BINARY and len(classes) > 2:
        raise fail(
            Code.TRAINING_FAILED,
            f"the target `{target}` has {len(classes)} values, but the task is binary:"
            f" {shown(classes)}",
            help="set the model's `task: multiclass`, or compare the target with one value",
        )
    if len(classes) > MAX_CLASSES:
        raise fail(
            Code.TRAINING_FAILED,
            f"the target `{target}` has {len(classes):,} values; at most {MAX_CLASSES} are classes",
            help="set the model's `task: regression`, or group rare values in the dataset's SQL",
        )


def _refuse_missing(missing: int, rows: int, target: str, part: str) -> None:
    if missing:
        raise fail(
            Code.TRAINING_FAILED,
            f"the target `{target}` is missing in {missing:,} of {rows:,} rows of the {part} part",
            help=f"drop them in the dataset's SQL: `where {target} is not null`",
        )


def shown(values: Any, limit: int = 5) -> str:
    """A few values for a message."""
    listed = [repr(value) for value in list(values)[:limit]]
    return ", ".join(listed) + (", …" if len(values) > limit else "")


def _json_label(value: Any) -> Any:
    """Labels live in JSON: dates and decimals by their text, whole floats as integers."""
    if isinstance(value, datetime.date | datetime.time | decimal.Decimal):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
