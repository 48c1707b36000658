"""Fits that keep what they have learnt, and go on from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.ray.training.rows import Rows
from backends.training.crew import ALONE, Crew, Learnt
from backends.training.problem import Part, Problem
from backends.training.trainers import module_of
from compiler.graph.types import Task
from specs.algorithms import algorithm_of
from tests.backends.test_trainers import problem

ROUNDS = 24
KEPT = 9
LONG: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": ROUNDS, "subsample": 0.7, "colsample_bytree": 0.6},
    "torch_mlp": {"max_epochs": ROUNDS, "hidden_layers": (8,), "dropout": 0.2},
}
"""Fits with randomness in every round."""


class Keeper(Crew):
    """Keeps once, in a folder."""

    keeps = True

    def __init__(self, folder: Path, after: int = KEPT) -> None:
        self.folder, self.after = folder, after

    def keep(self, rounds: int, write: Callable[[Path], None]) -> bool:
        if rounds == self.after:
            write(self.folder)
        return rounds == self.after


class Goer(Keeper):
    """Goes on from it."""

    def kept(self) -> Path:
        return self.folder


def learnt(kind: str, given: Problem, crew: Crew) -> Learnt:
    """What the long fit comes to."""
    found: Learnt = module_of(kind).learn(algorithm_of(kind, LONG[kind]), given, crew)
    return found


def onnx(kind: str, given: Problem, found: Learnt) -> bytes:
    """The estimator's bytes."""
    made: bytes = (
        module_of(kind).fitted(found, given, 0.0).model.SerializeToString(deterministic=True)
    )
    return made


@pytest.mark.parametrize("patience", [None, 4])
@pytest.mark.parametrize("kind", LONG)
def test_a_fit_that_goes_on_is_the_fit_that_was_never_cut_off(
    kind: str, patience: int | None, tmp_path: Path
) -> None:
    given = problem(Task.BINARY, patience=patience)
    whole = learnt(kind, given, Keeper(tmp_path))
    resumed = learnt(kind, given, Goer(tmp_path))
    assert resumed.curve == whole.curve
    assert onnx(kind, given, resumed) == onnx(kind, given, whole)


@pytest.mark.parametrize("kind", LONG)
def test_a_fit_that_was_over_when_it_was_cut_off_learns_no_further(
    kind: str, tmp_path: Path
) -> None:
    given = problem(Task.BINARY)
    whole = learnt(kind, given, Keeper(tmp_path, after=ROUNDS))
    assert learnt(kind, given, Goer(tmp_path)).curve == whole.curve


def test_keeping_changes_nothing_where_nothing_is_drawn(tmp_path: Path) -> None:
    given = problem(Task.REGRESSION)
    kept = learnt("torch_mlp", given, Keeper(tmp_path))
    assert kept.curve == learnt("torch_mlp", given, ALONE).curve


@pytest.mark.parametrize("size", [2, 3, 7])
def test_a_part_is_divided_without_rest(size: int) -> None:
    part = Part(np.arange(20, dtype=np.float32).reshape(10, 2), np.arange(10), np.ones(10))
    crews = [Crew() for _ in range(size)]
    for rank, crew in enumerate(crews):
        crew.rank, crew.size = rank, size
    shares = [crew.share(part) for crew in crews]
    assert sorted(np.concatenate([share.y for share in shares])) == [*range(10)]
    for share in shares:
        assert share.x[:, 0].tolist() == [2 * row for row in share.y]


def test_fewer_rows_than_workers_are_given_to_each_whole() -> None:
    crew = Crew()
    crew.rank, crew.size = 4, 5
    part = Part(np.zeros((3, 1), np.float32), np.arange(3))
    assert crew.share(part) is part


@pytest.mark.parametrize("patience", [None, 4])
def test_a_problem_comes_out_of_its_files_as_it_went_in(
    patience: int | None, tmp_path: Path
) -> None:
    given = problem(Task.MULTICLASS, missing=True, patience=patience)
    found = Rows.written(given, tmp_path / "rows").opened(threads=1)
    assert (found.task, found.classes, found.patience) == (
        given.task,
        given.classes,
        given.patience,
    )
    np.testing.assert_array_equal(found.train.x, given.train.x)
    np.testing.assert_array_equal(found.train.y, given.train.y)
    assert found.train.weight is None
    assert (found.validation is None) == (patience is None)
