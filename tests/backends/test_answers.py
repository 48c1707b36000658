"""Answers that are kept until labels come: whole at any moment, read back as they were given."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from backends.models.answered import kept
from backends.serving import answers
from backends.serving.answers import Answered, AnswerLog
from backends.serving.rows import Reader, Scores
from compiler.graph.operations import Measure
from compiler.graph.types import Column, DataType, Task

X = Column("x", DataType("float64"), False)
KEY = (Column("id", DataType("int64")), Column("day", DataType("date")))
READER = Reader.of((X,), KEY)
F1 = Measure("f1", 0.6, Task.BINARY, ("id", "day"), "late", 1)


def row(at: int, **changed: Any) -> dict[str, Any]:
    """A row that is named by its key."""
    return {"x": 0.5, "id": at, "day": "2026-11-27", **changed}


def said(chances: list[float], classes: tuple[Any, ...] = (False, True)) -> Scores:
    """What a model of two classes makes of some rows."""
    second = np.array(chances, np.float32)
    return Scores(np.stack([1 - second, second], axis=1), Task.BINARY, classes, 0.5)


def answered(
    rows: list[dict[str, Any]], scores: Scores, measure: Measure = F1, reader: Reader = READER
) -> Answered:
    """Rows that were answered in one request."""
    read = reader.rows(rows)
    found = Answered(read, scores, measure)
    found.add(read, scores)
    return found


def place(folder: Path, number: int) -> Path:
    return folder / f"me-{number}.parquet"


def test_what_was_said_is_kept_by_key(tmp_path: Path) -> None:
    log = AnswerLog()
    log.update(answered([row(1), row(2)], said([0.4, 0.6])))
    log.write(partial(place, tmp_path))
    (file,) = kept(tmp_path)
    assert (file.said.key, file.said.classes, file.scores) == (("id", "day"), (False, True), False)
    found = pq.read_table(file.path).to_pydict()
    assert (found["key_0"], found["code"]) == ([1, 2], [0, 1])
    assert "scores" not in found, "labels alone are measured, so no more is kept"


def test_scores_are_kept_where_the_metric_asks_for_them(tmp_path: Path) -> None:
    log = AnswerLog()
    measure = Measure("roc_auc", 0.6, Task.BINARY, ("id", "day"), "late", 1)
    scores = said([0.1, 0.7])
    log.update(answered([row(1), row(2)], scores, measure))
    log.write(partial(place, tmp_path))
    (file,) = kept(tmp_path)
    found = np.array(pq.read_table(file.path)["scores"].to_pylist(), np.float32)
    assert found.tolist() == scores.values.tolist(), "to the last bit"


@pytest.mark.parametrize("without", [{"id": None}, {"day": None}])
def test_a_row_without_its_key_is_counted_and_not_kept(
    without: dict[str, Any], tmp_path: Path
) -> None:
    log = AnswerLog()
    log.update(answered([row(1), row(2, **without)], said([0.4, 0.6])))
    log.write(partial(place, tmp_path))
    (file,) = kept(tmp_path)
    assert (file.rows, file.said.left_out) == (1, 1)


def test_a_revision_that_knows_no_key_has_every_row_left_out(tmp_path: Path) -> None:
    """After a rollback a deployment may answer with a revision from before there was a key."""
    log = AnswerLog()
    bare = [{"x": 0.5}] * 3
    log.update(answered(bare, said([0.4, 0.6, 0.7]), reader=Reader.of((X,))))
    log.write(partial(place, tmp_path))
    (file,) = kept(tmp_path)
    assert (file.rows, file.said.left_out) == (0, 3)


def test_revisions_with_other_classes_have_files_of_their_own(tmp_path: Path) -> None:
    """They may take turns, as a canary and the revision that serves do."""
    log = AnswerLog()
    for at in range(6):
        classes = ("early", "late") if at % 2 else (False, True)
        log.update(answered([row(at)], said([0.4], classes)))
        log.write(partial(place, tmp_path))
    files = [*kept(tmp_path)]
    assert [(file.said.classes, file.rows) for file in files] == [
        ((False, True), 3),
        (("early", "late"), 3),
    ]


def test_a_file_grows_until_it_is_large_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory holds one file at most; what was closed is not written again."""
    monkeypatch.setattr(answers, "ENOUGH_VALUES", 12)
    log = AnswerLog()
    written = []
    for at in range(20):
        log.update(answered([row(at), row(at + 100)], said([0.4, 0.6])))
        log.write(lambda number: written.append(number) or place(tmp_path, number))  # type: ignore[func-returns-value]
    files = [*kept(tmp_path)]
    assert sum(file.rows for file in files) == 40
    assert {file.rows for file in files} == {4}
    assert written == sorted(written)


def test_what_cannot_be_read_is_as_if_never_written(tmp_path: Path) -> None:
    log = AnswerLog()
    log.update(answered([row(1)], said([0.4])))
    log.write(partial(place, tmp_path))
    place(tmp_path, 7).write_bytes(b"PAR1 and no more")
    assert [file.rows for file in kept(tmp_path)] == [1]
