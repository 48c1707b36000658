"""Rows of JSON to what a model is fed with, and its scores to answers of JSON.

A table goes to the model through Arrow; a request of a few rows would spend most
of its time there. Here its values go straight to the arrays that
`backends.models.feed` would make of the same rows, which a test holds to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from math import isfinite
from types import NoneType
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from msgspec import Struct

from backends.models.feed import Feeds
from backends.models.metrics import Array, certainty, decide
from backends.models.package import PREDICTION, PROBABILITY
from backends.serving.values import Kind, finite, kind_of, shown
from compiler.features.preparation import NULL_SUFFIX
from compiler.graph.types import Column, Task

Row: TypeAlias = dict[str, Any]
MOST_PROBLEMS = 20
"""What is told of one request; who sends a thousand bad rows has read enough by then."""


class Problem(Struct, frozen=True):
    """What is wrong with a request: at which row and column, None where with all of them."""

    row: int | None
    column: str | None
    message: str


class Refused(Exception):
    """Rows that the model does not take."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems[:MOST_PROBLEMS])


class Rows(Struct, frozen=True):
    """Rows that a model takes, column by column; None where null.

    Dates and times are counts already, decimals are Decimal. ``beside`` has the
    columns that came along and that the model does not read: of its key.
    """

    request: tuple[Column, ...]
    kinds: tuple[Kind, ...]
    values: tuple[list[Any], ...]
    count: int
    beside: Mapping[str, tuple[Kind, list[Any]]] = {}

    def column(self, name: str) -> tuple[Kind, list[Any]]:
        """How a column is read, and its values; KeyError where requests have none of that name."""
        if name in self.beside:
            return self.beside[name]
        for column, kind, values in zip(self.request, self.kinds, self.values, strict=True):
            if column.name == name:
                return kind, values
        raise KeyError(name)

    def feeds(self) -> Feeds:
        """The model's inputs, equal to those that `backends.models.feed` makes of ``batch``."""
        made: Feeds = {}
        for column, kind, values in zip(self.request, self.kinds, self.values, strict=True):
            if column.nullable:
                if None in values:
                    made[column.name + NULL_SUFFIX] = np.array([v is None for v in values])
                    values = [kind.blank if v is None else v for v in values]
                else:
                    made[column.name + NULL_SUFFIX] = np.zeros(self.count, np.bool_)
            made[column.name] = np.array(values, kind.element)
        return made

    def batch(self) -> pa.RecordBatch:
        """The same rows as a table has them."""
        pairs = zip(self.kinds, self.values, strict=True)
        arrays = [pa.array(values, kind.arrow) for kind, values in pairs]
        fields = [
            pa.field(column.name, kind.arrow, column.nullable)
            for column, kind in zip(self.request, self.kinds, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


class Scores(Struct, frozen=True):
    """What a model makes of some rows before it is said: probabilities [N, C], or numbers [N]."""

    values: Array
    task: Task
    classes: tuple[Any, ...]
    threshold: float


class Reader(Struct, frozen=True):
    """Reads the rows of one model, prepared once.

    ``beside`` may come along in a request; ``known`` are the names of all that may.
    """

    request: tuple[Column, ...]
    kinds: tuple[Kind, ...]
    names: tuple[str, ...]
    beside: tuple[Column, ...] = ()
    known: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Sequence[Column], key: Sequence[Column] = ()) -> Reader:
        """Raises ValueError for a column of a type that no model takes."""
        named = {column.name for column in request}
        beside = tuple(column for column in key if column.name not in named)
        kinds = tuple(kind_of(column.type) for column in (*request, *beside))
        names = tuple(column.name for column in request)
        known = (*names, *(column.name for column in beside))
        return cls(tuple(request), kinds, names, beside, known)

    def rows(self, rows: Sequence[Any]) -> Rows:
        """Rows that are objects of columns; raises Refused."""
        columns = _whole(rows, self.known)
        if columns is None and self.beside:
            columns = _whole(rows, self.names)
            if columns is not None:
                columns += [[None] * len(rows) for _ in self.beside]
        if columns is None:
            self._refuse_shapes(rows)
            columns = [[row.get(name) for row in rows] for name in self.known]
        return self._read(columns, len(rows))

    def columns(self, columns: Mapping[str, list[Any]], count: int) -> Rows:
        """Rows that come column by column, each of ``count`` values; raises Refused."""
        problems = [self._unknown(None, name) for name in columns if name not in self.known]
        if problems:
            raise Refused(problems)
        blank = [None] * count
        return self._read([columns.get(name, blank) for name in self.known], count)

    def _read(self, columns: list[list[Any]], count: int) -> Rows:
        problems: list[Problem] = []
        read = tuple(
            _read(column, kind, values, problems)
            for column, kind, values in zip(
                (*self.request, *self.beside), self.kinds, columns, strict=True
            )
        )
        if problems:
            raise Refused(sorted(problems, key=lambda problem: problem.row or 0))
        if not self.beside:
            return Rows(self.request, self.kinds, read, count)
        width = len(self.request)
        named = (column.name for column in self.beside)
        beside = dict(zip(named, zip(self.kinds[width:], read[width:], strict=True), strict=True))
        return Rows(self.request, self.kinds[:width], read[:width], count, beside)

    def _refuse_shapes(self, rows: Sequence[Any]) -> None:
        """Rows that are no objects, and columns that the model does not have."""
        known, problems = set(self.known), []
        for at, row in enumerate(rows):
            if not isinstance(row, dict):
                problems.append(Problem(at, None, f"{shown(row)} is no object of columns"))
            elif not row.keys() <= known:
                problems += [self._unknown(at, name) for name in row if name not in known]
            if len(problems) >= MOST_PROBLEMS:
                break
        if problems:
            raise Refused(problems)

    def _unknown(self, row: int | None, name: str) -> Problem:
        message = f"the model has no column {shown(name)}"
        return Problem(row, name[:100], message + near(name, self.known))


def _whole(rows: Sequence[Any], names: tuple[str, ...]) -> list[list[Any]] | None:
    """The columns of rows that have these and no others; None where one has not."""
    try:
        columns = [[row[name] for row in rows] for name in names]
        whole = sum(map(len, rows)) == len(rows) * len(names)
    except (KeyError, TypeError, IndexError):
        return None
    return columns if whole else None


def near(name: str, known: Iterable[str]) -> str:
    """``; did you mean …`` where something known is near, else nothing."""
    found = get_close_matches(name[:100], list(known), 1)
    return f"; did you mean `{found[0]}`?" if found else ""


def _read(column: Column, kind: Kind, values: list[Any], problems: list[Problem]) -> list[Any]:
    """A column's values; adds to ``problems`` what is wrong with them."""
    types = set(map(type, values))
    if types <= kind.plain and kind.fit(values):
        return values
    if NoneType in types and column.nullable:
        there = [value for value in values if value is not None]
        if types <= kind.plain | {NoneType} and kind.fit(there):
            return values
    return _each(column, kind, values, problems)


def _each(column: Column, kind: Kind, values: list[Any], problems: list[Problem]) -> list[Any]:
    read: list[Any] = []
    wrong = 0
    for at, value in enumerate(values):
        if value is None and column.nullable:
            read.append(None)
            continue
        try:
            if value is None:
                raise ValueError(f"column `{column.name}` must have a value")
            read.append(kind.one(value))
        except ValueError as reason:
            problems.append(Problem(at, column.name, str(reason)))
            wrong += 1
            if wrong >= MOST_PROBLEMS:
                break
    return read


def parse(rows: Sequence[Any], request: Sequence[Column]) -> Rows:
    """Rows of JSON held against the columns that a model takes; raises Refused."""
    return Reader.of(request).rows(rows)


def answers(
    task: Task, classes: Sequence[Any], scores: Array, threshold: float
) -> list[dict[str, Any]]:
    """What is said of each row, ready for JSON: the values of Score's response columns.

    Floats of 32 bits are written as the doubles that equal them.
    """
    if task is Task.REGRESSION:
        return [{PREDICTION: number} for number in numbers(scores)]
    codes = decide(scores, task.value, threshold).tolist()
    chances = numbers(certainty(scores))
    return [
        {PREDICTION: classes[code], PROBABILITY: chance}
        for code, chance in zip(codes, chances, strict=True)
    ]


def numbers(scores: Array) -> list[Any]:
    """Scores as numbers of JSON, or the texts of those that it has no literal for."""
    found: list[Any] = scores.tolist()
    return found if isfinite(sum(found)) else finite(found)
