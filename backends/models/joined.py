"""Answers joined with labels by key: what was true of each answer, and the scores it was told by.

An answer without a label is counted and left out. Each answer counts, also where a key was
asked for twice: whoever asked has acted on each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct

from backends.duckdb.connection import Connection, only_row
from backends.duckdb.text import name, strings
from backends.models import target
from backends.models.answered import CODE, KEY, SAID, SCORES, Kept
from backends.models.metrics import Array
from backends.models.package import PREDICTION, PROBABILITY
from compiler.graph.operations import Measure
from specs.metrics import METRICS

_BATCH_ROWS = 65_536
_Part = tuple[Array, Array]


class Joined(Struct, frozen=True):
    """Labelled answers: codes or numbers that were true [N], scores as evaluations have them.

    ``rows`` have a key, with a label or without; ``strange`` ones have a label that no model
    knows, and are in neither array.
    """

    truth: Array
    scores: Array
    rows: int
    strange: int


def labelled_by(connection: Connection, labels: Path) -> None:
    """Have the labels at hand, for however many joins."""
    rows = f"read_parquet({strings([str(labels)])})"
    connection.execute(f"CREATE TABLE labels AS SELECT * FROM {rows}")


def join_kept(operation: Measure, files: Sequence[Kept], connection: Connection) -> Joined:
    """The answers of a window; those of models that know different classes are put together."""
    classes = tuple(sorted({label for file in files for label in file.said.classes}))
    wants = METRICS[operation.metric].scores
    columns = tuple(f"{KEY}{at}" for at in range(len(operation.key)))
    ordered = sorted(files, key=lambda file: repr(file.said.classes))
    parts: list[_Part] = []
    for own, group in groupby(ordered, key=lambda file: file.said.classes):
        source = f"read_parquet({strings(str(file.path) for file in group)})"
        told = [(SCORES if wants else CODE) if own else SAID]
        place = np.array([classes.index(label) for label in own], np.int64)
        for truth, said in _joined(operation, source, columns, told, connection):
            scores = _chances(said[0], place, len(classes)) if own else _numbers(said[0])
            parts.append((_truth(operation, classes, truth), scores))
    return _together(parts, classes, sum(file.rows for file in files))


def join_table(
    operation: Measure, answers: Path, classes: tuple[Any, ...], connection: Connection
) -> tuple[Joined, int]:
    """The rows of a table that a model has predicted; and how many have no whole key."""
    source = f"read_parquet({strings([str(answers)])})"
    there = " AND ".join(f"{name(column)} IS NOT NULL" for column in operation.key)
    rows, keyed = only_row(
        connection, f"SELECT count(*), count(*) FILTER (WHERE {there}) FROM {source}"
    )
    told = [PREDICTION, PROBABILITY] if classes else [PREDICTION]
    parts: list[_Part] = []
    for truth, said in _joined(operation, source, operation.key, told, connection):
        if not classes:
            scores = _numbers(said[0])
        elif METRICS[operation.metric].scores:
            second = _numbers(said[1])
            scores = np.stack([1 - second, second], axis=1)
        else:
            codes = pa.array(_codes(classes, said[0], PREDICTION), pa.int32())
            scores = _chances(codes, np.arange(len(classes)), len(classes))
        parts.append((_truth(operation, classes, truth), scores))
    return _together(parts, classes, keyed), rows - keyed


def _joined(
    operation: Measure,
    source: str,
    columns: Sequence[str],
    told: Sequence[str],
    connection: Connection,
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    """Batches of the labelled answers of a source: the labels, and what was told."""
    pairs = zip(columns, operation.key, strict=True)
    on = " AND ".join(f"a.{name(mine)} = l.{name(its)}" for mine, its in pairs)
    wanted = ", ".join(f"a.{name(column)}" for column in told)
    relation = connection.sql(
        f"SELECT l.{name(operation.label)}, {wanted} FROM {source} a JOIN labels l ON {on}"
    )
    for batch in filter(len, relation.to_arrow_reader(_BATCH_ROWS)):
        truth, *said = batch.columns
        yield truth, said


def _together(parts: Sequence[_Part], classes: tuple[Any, ...], rows: int) -> Joined:
    if not parts:
        width = (0, len(classes)) if classes else (0,)
        return Joined(np.empty(0), np.empty(width, np.float32), rows, 0)
    truth = np.concatenate([truth for truth, _ in parts])
    scores = np.concatenate([scores for _, scores in parts])
    known = truth >= 0 if classes else np.isfinite(truth)
    return Joined(truth[known], scores[known], rows, len(truth) - int(known.sum()))


def _truth(operation: Measure, classes: tuple[Any, ...], labels: pa.Array) -> Array:
    if classes:
        return _codes(classes, labels, operation.label)
    return _numbers(labels.cast(pa.float64()))


def _codes(classes: tuple[Any, ...], labels: pa.Array, column: str) -> Array:
    """Codes of labels into the classes, -1 for one that is not among them."""
    found, codes = target.labels(labels, column, "labelled")
    known = {value: code for code, value in enumerate(classes)}
    return np.array([known.get(value, -1) for value in found], np.int64)[codes]


def _chances(told: pa.Array, place: Array, width: int) -> Array:
    """Probabilities [N, C]: those that were kept, or all for the class that was answered."""
    chances = np.zeros((len(told), width), np.float32)
    if pa.types.is_integer(told.type):
        chances[np.arange(len(told)), place[_numbers(told)]] = 1
    else:
        chances[:, place] = np.stack(told.to_numpy(zero_copy_only=False))
    return chances


def _numbers(values: pa.Array) -> Array:
    found: Array = values.to_numpy(zero_copy_only=False)
    return found
