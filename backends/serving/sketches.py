"""Sketches of one window of traffic: of the columns that are compared, and of the answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from backends.models.package import PREDICTION, PROBABILITY
from backends.serving.answers import Answered
from backends.serving.rows import Rows, Scores
from backends.serving.windows import SNAPSHOT_SECONDS
from compiler.engine import durable

Answers: TypeAlias = list[dict[str, Any]]
_ANSWERED = (PREDICTION, PROBABILITY)


class Gathered:
    """What requests to one revision had in the columns that are compared, and what was answered.

    Values alone: thousands of rows that wait would cost Python's collector of garbage more than
    their sketches cost.
    """

    def __init__(
        self, begin: int, rows: Rows, wanted: Sequence[str], answered: Answered | None = None
    ) -> None:
        self.begin, self.request, self.rows = begin, rows.request, 0
        self.answered = answered
        self._at = [at for at, column in enumerate(rows.request) if column.name in wanted]
        self._kinds = rows.kinds
        self._values: list[list[Any]] = [[] for _ in self._at]
        self._answers: dict[str, list[Any]] = {name: [] for name in _ANSWERED}

    def add(self, rows: Rows, answers: Answers, scores: Scores) -> None:
        """One more request."""
        if self.answered is not None:
            self.answered.add(rows, scores)
        for at, held in zip(self._at, self._values, strict=True):
            held += rows.values[at]
        for name, told in self._answers.items():
            told += [answer[name] for answer in answers if name in answer]
        self.rows += rows.count

    def arrays(self) -> Iterator[tuple[str, str, pa.Array]]:
        """Each column's name, declared type and values; the answers after them."""
        names = set()
        for at, values in zip(self._at, self._values, strict=True):
            column = self.request[at]
            names.add(column.name)
            yield column.name, str(column.type), pa.array(values, self._kinds[at].arrow)
        for name, told in self._answers.items():
            if told and name not in names:
                array = _answers(told)
                yield name, str(array.type), array


class Sketches:
    """A profile that grows with the requests."""

    def __init__(self) -> None:
        self._sketches: dict[str, tuple[Any, str]] = {}
        self._rows = 0
        self._written = time.monotonic()
        self.changed = False

    @property
    def due(self) -> bool:
        """Whether there is something new to put down, and time to."""
        return self.changed and time.monotonic() - self._written >= SNAPSHOT_SECONDS

    def update(self, gathered: Gathered) -> None:
        """Take in what was gathered; a column that another revision has of another type is not."""
        from backends.whylogs.sketch import ColumnSketch, kind_of

        for name, declared, array in gathered.arrays():
            if name not in self._sketches:
                self._sketches[name] = (ColumnSketch(kind_of(array.type)), declared)
            sketch, before = self._sketches[name]
            # Answers may come as texts for the sake of one that JSON has no number for.
            if declared == before or name in _ANSWERED:
                sketch.update(array)
        self._rows += gathered.rows
        self.changed = True

    def write(self, path: Path) -> None:
        """Put the sketches down as a profile."""
        from backends.whylogs.column import ColumnView
        from backends.whylogs.container import (
            ProfiledColumn,
            ProfileSet,
            WindowProfile,
            write_profile,
        )

        columns = tuple(
            ProfiledColumn(name, declared, sketch.kind)
            for name, (sketch, declared) in self._sketches.items()
        )
        views = {n: ColumnView(s.view(), s.kind) for n, (s, _) in self._sketches.items()}
        profile = ProfileSet(columns, (WindowProfile("", self._rows, views),))
        written = BytesIO()
        write_profile(written, profile)
        durable.write(path, written.getvalue())
        self._written, self.changed = time.monotonic(), False


def _answers(values: list[Any]) -> pa.Array:
    """Labels or numbers; numbers that JSON has no literal for came as texts."""
    if len({*map(type, values)}) > 1:
        return pa.array([str(value) for value in values])
    return pa.array(values)
