"""What is kept of each answer until labels come: the key of its row, and what was said.

One writer's answers of one window are a few Parquet files. The last of them grows in
memory and is put down anew every few seconds, until it is large enough to be closed; so
memory is bounded, a file is whole at any moment, and a kill costs what came since.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from backends.models.answered import CODE, KEY, SAID, SCORES, Said
from backends.models.metrics import decide
from backends.serving.rows import Rows, Scores
from backends.serving.values import Kind
from backends.serving.windows import SNAPSHOT_SECONDS
from compiler.engine import durable
from compiler.graph.digest import canonical
from compiler.graph.operations import Measure
from specs.metrics import METRICS

ENOUGH_VALUES = 1 << 20
"""Values, keys and scores alike, from which on a file is closed and another one begun."""
_MOST_OPEN = 2


class Answered:
    """The keys of rows that one revision has answered, and its scores, as they come in.

    Values alone, as in `Gathered`, and for the same reason.
    """

    def __init__(self, rows: Rows, scores: Scores, measure: Measure) -> None:
        self._measure, self._scores = measure, scores
        self._kinds = _kinds(rows, measure.key)
        self._keys: list[list[Any]] = [[] for _ in self._kinds or ()]
        self._parts: list[Any] = []
        self._rows = 0

    def add(self, rows: Rows, scores: Scores) -> None:
        """One more request to the same revision."""
        self._rows += rows.count
        if self._kinds is not None:
            for name, held in zip(self._measure.key, self._keys, strict=True):
                held += rows.column(name)[1]
            self._parts.append(scores.values)

    @property
    def said(self) -> Said:
        """How to read them."""
        classes = self._scores.classes
        return Said(self._measure.key, self._scores.task, classes, 0)

    def batch(self) -> tuple[pa.RecordBatch | None, int]:
        """The answers whose rows have a whole key, None without any; and how many have not."""
        if self._kinds is None or not self._parts:
            return None, self._rows
        keys = [
            pa.array(values, kind.arrow)
            for values, kind in zip(self._keys, self._kinds, strict=True)
        ]
        there = np.logical_and.reduce([~_nulls(values) for values in keys])
        found = np.flatnonzero(there)
        if not len(found):
            return None, self._rows
        scores = np.concatenate(self._parts)
        named = {f"{KEY}{at}": values for at, values in enumerate(keys)}
        batch = pa.RecordBatch.from_pydict({**named, **self._told(scores)})
        whole = len(found) == self._rows
        return (batch if whole else batch.take(pa.array(found))), self._rows - len(found)

    def _told(self, scores: Any) -> dict[str, pa.Array]:
        """What was said of each row; the probabilities only where the metric asks for them."""
        if not self._scores.classes:
            return {SAID: pa.array(scores)}
        codes = decide(scores, self._scores.task.value, self._scores.threshold)
        told = {CODE: pa.array(codes.astype(np.int32))}
        if METRICS[self._measure.metric].scores:
            flat = pa.array(np.ascontiguousarray(scores, np.float32).reshape(-1))
            told[SCORES] = pa.FixedSizeListArray.from_arrays(flat, scores.shape[1])
        return told


class AnswerLog:
    """The answers of one window that one process has given.

    Two files grow at most: while a canary goes on, two revisions take turns.
    """

    def __init__(self) -> None:
        self._open: list[_File] = []
        self._count = 0
        self._written = time.monotonic()
        self.changed = False

    @property
    def due(self) -> bool:
        """Whether there is something new to put down, and time to."""
        waited = time.monotonic() - self._written >= SNAPSHOT_SECONDS
        return self.changed and (waited or len(self._growing()) < len(self._open))

    def update(self, answered: Answered) -> None:
        """Take in some answers; another revision's may begin another file."""
        batch, left_out = answered.batch()
        said = answered.said
        file = next((f for f in self._open[::-1] if f.takes(batch, said)), None)
        if file is None:
            file = _File(self._count)
            self._open.append(file)
            self._count += 1
        file.add(batch, left_out, said)
        self.changed = True

    def write(self, place: Callable[[int], Path]) -> None:
        """Put down what changed; ``place`` says where the file of a number lies."""
        for file in self._open:
            if file.changed:
                durable.write(place(file.number), file.bytes())
                file.changed = False
        self._open = self._growing()
        self._written, self.changed = time.monotonic(), False

    def _growing(self) -> list[_File]:
        """The files that may grow further."""
        return [file for file in self._open if file.values < ENOUGH_VALUES][-_MOST_OPEN:]


class _File(Struct):
    """A file that still grows."""

    number: int
    batches: list[pa.RecordBatch] = []
    said: Said | None = None
    values: int = 0
    left_out: int = 0
    changed: bool = False

    def takes(self, batch: pa.RecordBatch | None, said: Said) -> bool:
        """Whether it has room, and answers of the same kind."""
        if self.values >= ENOUGH_VALUES or self.said != said:
            return False
        if batch is None or not self.batches:
            return True
        return bool(self.batches[0].schema.equals(batch.schema))

    def add(self, batch: pa.RecordBatch | None, left_out: int, said: Said) -> None:
        """Take in some rows."""
        self.left_out += left_out
        self.changed, self.said = True, said
        if batch is not None:
            width = len(said.classes) if SCORES in batch.schema.names else 1
            self.values += batch.num_rows * (len(said.key) + width)
            self.batches.append(batch)

    def bytes(self) -> bytes:
        """The file as it is now."""
        table = pa.Table.from_batches(self.batches) if self.batches else pa.table({})
        assert self.said is not None
        told = json.loads(canonical(self.said)) | {"left_out": self.left_out}
        made = table.replace_schema_metadata({"stackc": canonical(told)})
        written = BytesIO()
        pq.write_table(made, written, compression="zstd")
        return written.getvalue()


def _kinds(rows: Rows, key: tuple[str, ...]) -> tuple[Kind, ...] | None:
    """How each column of the key is read; None where a revision's requests do not have them all."""
    try:
        return tuple(rows.column(name)[0] for name in key)
    except KeyError:
        return None


def _nulls(values: pa.Array) -> Any:
    return values.is_null().to_numpy(zero_copy_only=False)
