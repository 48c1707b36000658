"""Golden rows are spread over the part, and a server that answers otherwise is found out."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pyarrow.parquet as pq
import pytest

from backends.local import BACKEND
from backends.serving.model import ServedModel
from compiler.diagnostics import StackcError
from compiler.graph.operations import Golden
from compiler.graph.types import Task
from tests.backends.serving_bench import made
from tests.conformance.bench import REQUEST, Bench, real


@pytest.mark.parametrize("algorithm", ["linear", "mlp", "xgboost"])
@pytest.mark.parametrize("task", Task)
def test_a_served_model_gives_its_golden_answers_again(task: Task, algorithm: str) -> None:
    of = made(task, algorithm)
    assert ServedModel.open(of.model.path, 0.5).probe(of.asked()) is None


def test_golden_rows_are_the_parts_own_from_first_to_last() -> None:
    of = made(Task.BINARY)
    golden, held = of.asked(), pq.read_table(of.table.path)
    assert golden["columns"] == [column.name for column in REQUEST]
    assert len(golden["rows"]) == len(golden["answers"]) == 20
    kept = held.select(golden["columns"]).to_pylist()
    at = [kept.index(row) for row in golden["rows"]]
    assert (at[0], at[-1]) == (0, len(kept) - 1)
    steps = [after - before for before, after in itertools.pairwise(at)]
    assert max(steps) - min(steps) <= 1
    said = [dict(zip(answer, answer.values(), strict=True)) for answer in golden["answers"]]
    assert said == of.scored.take(at).to_pylist()


def test_golden_rows_are_the_same_each_time(tmp_path: Any) -> None:
    of, bench = made(Task.REGRESSION), Bench(BACKEND, tmp_path)
    again = bench.run(Golden(), {"model": of.model, "table": of.table}).files["golden"]
    assert again.read_bytes() == of.golden.path.read_bytes()


def test_fewer_rows_than_asked_for_are_all_golden(tmp_path: Any) -> None:
    of, bench = made(Task.BINARY), Bench(BACKEND, tmp_path)
    few = bench.table(real(Task.BINARY).slice(0, 3))
    outcome = bench.run(Golden(), {"model": of.model, "table": few})
    assert outcome.summary["rows"] == 3


def test_a_part_without_rows_is_an_error(tmp_path: Any) -> None:
    of, bench = made(Task.BINARY), Bench(BACKEND, tmp_path)
    none = bench.table(real(Task.BINARY).slice(0, 0))
    with pytest.raises(StackcError, match="no rows"):
        bench.run(Golden(), {"model": of.model, "table": none})


def test_a_difference_of_one_bit_is_told() -> None:
    of = made(Task.BINARY)
    served, golden = ServedModel.open(of.model.path, 0.5), of.asked()
    for column, value in (("probability", 0.5), ("prediction", 1)):
        changed = copy.deepcopy(golden)
        changed["answers"][7][column] = value
        told = served.probe(changed)
        assert told is not None and "golden row 7, asked alone" in told


def test_other_columns_or_rows_that_are_not_taken_are_told() -> None:
    of = made(Task.BINARY)
    served, golden = ServedModel.open(of.model.path, 0.5), of.asked()
    assert "have the columns" in (served.probe({**golden, "columns": ["x"]}) or "")
    broken = {**golden, "rows": [{"x0": "a"}], "answers": golden["answers"][:1]}
    assert "does not take" in (served.probe(broken) or "")  # type: ignore[arg-type]
    short = {**golden, "answers": golden["answers"][:-1]}
    assert "20 golden rows have 19 answers" in (served.probe(short) or "")  # type: ignore[arg-type]


def test_another_threshold_is_found_out() -> None:
    of = made(Task.BINARY, rows=60)
    assert ServedModel.open(of.model.path, 0.99).probe(of.asked()) is not None
