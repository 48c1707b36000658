"""The table of a sweep: the best first, and a Parquet file whatever was chosen."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.engine.sweeps import PointRow, PointStatus
from compiler.sweep.table import (
    SweepTable,
    UnknownMetric,
    lower_is_better,
    metric_named,
    parquet,
    sweep_table,
)


def point(number: int, status: PointStatus = "done", **metrics: float | None) -> PointRow:
    values = tuple((f"late.{name}", value) for name, value in metrics.items())
    return PointRow(number, (f"a={number}",), (("a", number),), status, values)


def numbers(table: SweepTable) -> list[int]:
    return [one.number for one in table.points]


def chosen(*values: Any) -> list[PointRow]:
    return [PointRow(n, (), (("a", value),), "done") for n, value in enumerate(values, 1)]


def test_the_best_is_first_and_what_failed_is_last() -> None:
    points = [
        point(1, roc_auc=0.7),
        point(2, roc_auc=0.9),
        point(3, "failed"),
        point(4, roc_auc=None),
        point(5, "waiting"),
    ]
    table = sweep_table(points)
    assert table.by == "late.roc_auc"
    assert numbers(table) == [2, 1, 4, 5, 3]


def test_of_a_loss_the_smallest_is_the_best() -> None:
    points = [point(1, roc_auc=0.7, log_loss=0.3), point(2, roc_auc=0.9, log_loss=0.5)]
    assert numbers(sweep_table(points)) == [2, 1]
    assert numbers(sweep_table(points, "log_loss")) == [1, 2]
    assert lower_is_better("late.log_loss")
    assert not lower_is_better("late.roc_auc")


def test_of_fairness_the_smallest_difference_and_the_largest_ratio_are_the_best() -> None:
    points = [
        point(1, f1=0.9, demographic_parity_difference=0.3, demographic_parity_ratio=0.5),
        point(2, f1=0.8, demographic_parity_difference=0.1, demographic_parity_ratio=0.9),
    ]
    assert numbers(sweep_table(points)) == [1, 2]
    assert numbers(sweep_table(points, "demographic_parity_difference")) == [2, 1]
    assert numbers(sweep_table(points, "demographic_parity_ratio")) == [2, 1]


def test_points_that_are_equal_stand_by_their_numbers() -> None:
    assert numbers(sweep_table([point(n, f1=0.5) for n in (3, 1, 2)])) == [1, 2, 3]


def test_without_a_metric_points_stand_by_their_numbers() -> None:
    table = sweep_table([point(2), point(1)])
    assert (numbers(table), table.by) == ([1, 2], None)


def test_a_metric_may_be_named_with_its_model() -> None:
    known = ["late.f1", "dear.f1", "dear.rmse"]
    assert metric_named("f1", known) == "late.f1"
    assert metric_named("dear.f1", known) == "dear.f1"
    with pytest.raises(UnknownMetric):
        metric_named("rmze", known)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((1, 2), pa.int64()),
        ((1, 2.5), pa.float64()),
        (("x", "y"), pa.string()),
        ((True, False), pa.bool_()),
        ((1, "x"), pa.string()),
        (([1], [2]), pa.string()),
        ((True, 1), pa.string()),
        ((10**400, 1), pa.string()),
        ((None, 1), pa.int64()),
    ],
)
def test_values_of_one_type_keep_it_in_the_file(values: tuple[Any, ...], kind: pa.DataType) -> None:
    table = pq.read_table(io.BytesIO(parquet(sweep_table(chosen(*values)))))
    assert table.schema.field("a").type == kind


PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5).filter(lambda text: text.isprintable()),
    ),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.lists(PLAIN, min_size=1, max_size=5))
def test_whatever_was_chosen_can_be_read_back(values: list[Any]) -> None:
    table = pq.read_table(io.BytesIO(parquet(sweep_table(chosen(*values)))))
    read = table.column("a").to_pylist()
    if table.schema.field("a").type == pa.string() and not all(
        isinstance(value, str) or value is None for value in values
    ):
        read = [None if value is None else json.loads(value) for value in read]
    assert read == values


def test_a_key_that_is_named_like_another_column_keeps_its_own() -> None:
    points = [PointRow(1, (), (("point", 7), ("status", "x")), "done")]
    table = pq.read_table(io.BytesIO(parquet(sweep_table(points))))
    assert table.column("point").to_pylist() == [1]
    assert table.column("point (override)").to_pylist() == [7]
    assert table.column("status (override)").to_pylist() == ["x"]
