"""A packaged model over a table: batches in the table's order, the same bits at any speed."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from numpy.typing import NDArray

from backends.models.feed import Feeds, feeds
from backends.models.package import CLASSES, PREDICTION, PROBABILITIES, TASK
from backends.models.sessions import metadata, request_of, session
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.types import Column, Task

Array: TypeAlias = NDArray[Any]

BATCH_ROWS = 16_384
"""Rows scored together: small enough that several batches at once stay cheap."""


class Predictor(Struct, frozen=True):
    """An open model: what it takes, the labels it knows, and its session.

    The session has one thread, because onnxruntime adds up the trees of an
    ensemble in another order with more; several batches run at once instead.
    """

    opened: ort.InferenceSession
    request: tuple[Column, ...]
    task: Task
    classes: tuple[Any, ...]

    @classmethod
    def open(cls, model: Path) -> Predictor:
        """Open a packaged model; raises StackcError (E715) where it is none."""
        opened = session(model)
        try:
            said = metadata(opened)
            task, classes = Task(json.loads(said[TASK])), tuple(json.loads(said[CLASSES]))
        except (KeyError, ValueError, TypeError):
            raise fail(
                Code.MODEL_UNREADABLE,
                "the model does not say what it predicts",
                help="run `stackc apply` again to make the model anew",
            ) from None
        return cls(opened, request_of(opened), task, classes)

    def scores(self, batch: pa.RecordBatch) -> Array:
        """Probabilities float32 [N, C], or predicted numbers float32 [N]."""
        return self.scores_of(feeds(batch, self.request))

    def scores_of(self, fed: Feeds) -> Array:
        """The same from the model's inputs."""
        output = PROBABILITIES if self.classes else PREDICTION
        found: Array = self.opened.run([output], fed)[0]
        return found

    def over(
        self, table: Path, beside: Sequence[str], threads: int, rows: int = BATCH_ROWS
    ) -> Iterator[tuple[pa.RecordBatch, Array]]:
        """Every batch of the table with its scores, in order; at most ``threads`` wait.

        The batches hold the request's columns and those named ``beside``.

        Raises:
            StackcError: A column is missing (E705), a value is not of its
                column's type (E704), the file cannot be read (E702).
        """
        waiting: deque[tuple[pa.RecordBatch, Future[Array]]] = deque()
        with ThreadPoolExecutor(max(threads, 1)) as pool:
            try:
                for batch in self._batches(table, beside, rows):
                    waiting.append((batch, pool.submit(self.scores, batch)))
                    if len(waiting) > threads:
                        ready, scores = waiting.popleft()
                        yield ready, scores.result()
                while waiting:
                    ready, scores = waiting.popleft()
                    yield ready, scores.result()
            finally:
                for _, scores in waiting:
                    scores.cancel()

    def _batches(self, table: Path, beside: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        wanted = dict.fromkeys([*(column.name for column in self.request), *beside])
        try:
            with pq.ParquetFile(table) as file:
                held = [name for name in wanted if name in file.schema_arrow.names]
                yield from file.iter_batches(rows, columns=held, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise fail(
                Code.SOURCE_UNREADABLE,
                f"the table {table.name} cannot be read: {str(error).splitlines()[0]}",
                help="apply again to make it anew",
            ) from None


def rows_of(table: Path) -> int:
    """How many rows a table has; 0 where it cannot be read, which reading it will say."""
    try:
        return int(pq.read_metadata(table).num_rows)
    except (OSError, pa.ArrowException):
        return 0


def gathered(parts: list[Array], predictor: Predictor) -> Array:
    """Scores of all batches as one array, of the right shape even without rows."""
    if parts:
        return np.concatenate(parts)
    shape = (0, len(predictor.classes)) if predictor.classes else (0,)
    return np.empty(shape, np.float32)
