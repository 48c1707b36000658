"""A model that is served: opened once, asked row by row, held against its golden answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from backends.models.predict import Predictor
from backends.serving.rows import Reader, Refused, Row, Rows, Scores, answers
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.documents import GoldenRows
from compiler.graph.types import Column, DataType, Task


class ServedModel(Struct, frozen=True):
    """A packaged model with the threshold that its labels are told by."""

    predictor: Predictor
    reader: Reader
    threshold: float

    @classmethod
    def open(cls, path: Path, threshold: float, key: Iterable[tuple[str, str]] = ()) -> ServedModel:
        """Open a packaged model; raises StackcError (E715) where it is none.

        ``key`` are columns by name and type that a request may carry beside its own.
        """
        predictor = Predictor.open(path)
        try:
            columns = [Column(name, DataType(kind)) for name, kind in key]
            reader = Reader.of(predictor.request, columns)
        except ValueError as reason:
            raise fail(
                Code.MODEL_UNREADABLE,
                f"the model cannot be served: {reason}",
                help="run `stackc apply` again to make the model anew",
            ) from None
        return cls(predictor, reader, threshold)

    @property
    def request(self) -> tuple[Column, ...]:
        """The columns that it takes."""
        return self.predictor.request

    @property
    def beside(self) -> tuple[Column, ...]:
        """The columns that may come along and that it does not read."""
        return self.reader.beside

    @property
    def task(self) -> Task:
        """What it predicts."""
        return self.predictor.task

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels that it knows; none for a regression."""
        return self.predictor.classes

    def parse(self, rows: list[Any]) -> Rows:
        """Rows of JSON; raises Refused."""
        return self.reader.rows(rows)

    def predict(self, rows: Rows) -> list[dict[str, Any]]:
        """An answer per row, by the code that evaluates and scores."""
        return self.said(self.score(rows)) if rows.count else []

    def score(self, rows: Rows) -> Scores:
        """What it makes of some rows, at least one."""
        found = self.predictor.scores_of(rows.feeds())
        return Scores(found, self.task, self.classes, self.threshold)

    def said(self, scores: Scores) -> list[dict[str, Any]]:
        """The answers that scores are told as."""
        return answers(self.task, self.classes, scores.values, self.threshold)

    def probe(self, golden: GoldenRows) -> str | None:
        """None where every golden answer is given again, bit for bit; else the first difference.

        The rows are asked one by one and together, as clients do both.
        """
        names = list(golden["columns"])
        if names != list(self.reader.names):
            return f"the golden rows have the columns {names}, the model {list(self.reader.names)}"
        try:
            alone = [answer for row in golden["rows"] for answer in self._asked([row])]
            together = self._asked(golden["rows"])
        except Refused as refused:
            return f"the model does not take its golden rows: {refused}"
        return _difference(golden, alone, "alone") or _difference(golden, together, "together")

    def _asked(self, rows: list[Row]) -> list[dict[str, Any]]:
        return self.predict(self.parse(rows))


def _difference(golden: GoldenRows, found: list[dict[str, Any]], how: str) -> str | None:
    """The first answer that is not the golden one; 1, 1.0 and true are not equal here."""
    for at, (wanted, got) in enumerate(zip(golden["answers"], found, strict=False)):
        if not _same(wanted, got):
            return f"golden row {at}, asked {how}, is answered {got} instead of {wanted}"
    if len(golden["answers"]) != len(found):
        return f"{len(found)} golden rows have {len(golden['answers'])} answers"
    return None


def _same(wanted: dict[str, Any], got: dict[str, Any]) -> bool:
    """Equal as JSON texts, which also tells -0.0 from 0.0."""
    return [(name, repr(value)) for name, value in sorted(wanted.items())] == [
        (name, repr(value)) for name, value in sorted(got.items())
    ]
