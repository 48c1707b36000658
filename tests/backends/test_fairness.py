"""Fairness against Fairlearn's definitions, and what is known of any groups at all.

``by_fairlearn`` is its ``MetricFrame`` in a few lines: a rate of each group, and the difference or
the ratio of the largest and the smallest. It was held against Fairlearn 0.15 itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.models.fairness import LIMIT, fairness, rates_of, worst
from backends.models.metrics import Array
from compiler.diagnostics import StackcError
from compiler.graph.documents import Disparity, Fairness, Grouping
from compiler.graph.operations import Fairness as Asked
from specs.metrics import DEFAULT_FAIRNESS, METRICS, TaskName, fairness_for

BINARY = fairness_for("binary")
Row = tuple[bool, bool, str | None, int]
"""The truth, the prediction, and two sensitive values."""
ROWS: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(
        st.booleans(), st.booleans(), st.sampled_from(["a", "b", None]), st.sampled_from([1, 2])
    ),
    min_size=1,
    max_size=60,
)
RATES: Mapping[str, Sequence[Callable[[Array, Array], float]]] = {
    "demographic_parity": [lambda _, said: said.mean()],
    "equal_opportunity": [lambda true, said: said[true].mean()],
    "equalized_odds": [lambda true, said: said[true].mean(), lambda true, said: said[~true].mean()],
    "accuracy": [lambda true, said: (true == said).mean()],
}


def by_fairlearn(metric: str, true: Array, said: Array, groups: Sequence[Any]) -> float:
    """The metric where each group has both classes; rates that are 0 everywhere are equal."""
    base, _, way = metric.rpartition("_")
    found = []
    for rate in RATES[base]:
        by_group = []
        for group in dict.fromkeys(groups):
            at = np.array([other == group for other in groups])
            by_group.append(float(rate(true[at], said[at])))
        low, high = min(by_group), max(by_group)
        found.append(high - low if way == "difference" else low / high if high else 1.0)
    return max(found) if way == "difference" else min(found)


def held(
    rows: Sequence[Row], *sensitive: str, metrics: Sequence[str] = BINARY, least: int = 1
) -> Fairness:
    """What is found of rows; ``first`` and ``second`` are their sensitive values."""
    true, said, first, second = zip(*rows, strict=True)
    scores = np.array([[1.0 - yes, 1.0 * yes] for yes in said], np.float32)
    beside = {"first": pa.array(first, pa.string()), "second": pa.array(second, pa.int64())}
    rates = rates_of("binary", np.array(true, np.int64), scores, 0.5)
    return fairness(Asked(sensitive, tuple(metrics), least), rates, beside)


def valued(found: Fairness, metric: str) -> float | None:
    return worst(found, metric)[1]["value"]


def disparity(grouping: Grouping, metric: str) -> Disparity:
    return next(d for d in grouping["disparities"] if d["metric"] == metric)


@st.composite
def sound(draw: st.DrawFn) -> list[Row]:
    """Rows of several groups by both columns, each combination of which has both classes."""
    firsts = draw(st.lists(st.sampled_from(["a", "b", None]), min_size=2, unique=True))
    pairs = [(first, second) for first in firsts for second in (1, 2)]
    said = st.booleans()
    rows = [(true, draw(said), *pair) for pair in pairs for true in (False, True)]
    more = st.tuples(said, said, st.sampled_from(pairs))
    return rows + [(true, yes, *pair) for true, yes, pair in draw(st.lists(more, max_size=50))]


def many(group: str | None, rows: int, yes: int, other: int = 1) -> list[Row]:
    """Rows of a group, all predicted right."""
    return [(at < yes, at < yes, group, other) for at in range(rows)]


def test_the_catalogue_is_what_is_computed() -> None:
    tasks: tuple[TaskName, ...] = ("binary", "multiclass", "regression")
    for task in tasks:
        scores = np.array([[0.2, 0.8], [0.7, 0.3]]) if task != "regression" else np.array([1.0, 2])
        rates = rates_of(task, np.array([1, 0]), scores, 0.5)
        asked = Asked(("group",), fairness_for(task), 1)
        found = fairness(asked, rates, {"group": pa.array(["a", "b"])})
        assert {d["metric"] for d in found["groupings"][0]["disparities"]} == {*fairness_for(task)}
        assert {*DEFAULT_FAIRNESS[task]} <= {*fairness_for(task)}


@pytest.mark.parametrize("metric", BINARY)
@given(rows=sound())
def test_metrics_are_those_of_fairlearn(metric: str, rows: list[Row]) -> None:
    true, said, first, _ = (list(part) for part in zip(*rows, strict=True))
    wanted = by_fairlearn(metric, np.array(true), np.array(said), first)
    assert valued(held(rows, "first"), metric) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("metric", [m for m in BINARY if not m.startswith("accuracy")])
@given(rows=sound())
def test_several_columns_are_fairlearns_combinations_of_them(metric: str, rows: list[Row]) -> None:
    """A group of one column is a mean of its combinations, so these are never closer together."""
    true, said = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    wanted = by_fairlearn(metric, true, said, [row[2:] for row in rows])
    assert valued(held(rows, "first", "second"), metric) == pytest.approx(wanted, abs=1e-9)


@given(rows=ROWS, least=st.integers(1, 8), both=st.booleans())
def test_of_any_groups_what_is_told_holds(rows: list[Row], least: int, both: bool) -> None:
    found = held(rows, *(["first", "second"] if both else ["first"]), least=least)
    assert len(found["groupings"]) == (3 if both else 1)
    for grouping in found["groupings"]:
        assert sum(group["rows"] for group in grouping["groups"]) == len(rows)
        counts = [group["rows"] >= least for group in grouping["groups"]]
        assert counts == [group["judged"] for group in grouping["groups"]]
        assert (grouping["judged"], grouping["small"]) == (counts.count(True), counts.count(False))
        for entry in grouping["disparities"]:
            low, high = METRICS[entry["metric"]].floor, METRICS[entry["metric"]].ceiling
            assert (entry["value"] is None) == bool(entry["remark"])
            assert entry["value"] is None or low <= entry["value"] <= high  # type: ignore[operator]
    for base in RATES:
        apart, alike = valued(found, f"{base}_difference"), valued(found, f"{base}_ratio")
        assert (apart is None) == (alike is None)
        assert (apart == 0) == (alike == 1), "no difference is a ratio of one, and the other way"


def test_the_two_groups_that_are_furthest_apart_are_named() -> None:
    found = held([*many("a", 10, 2), *many("b", 10, 9), *many(None, 10, 5)], "first")
    (grouping,) = found["groupings"]
    entry = disparity(grouping, "demographic_parity_difference")
    assert entry["value"] == pytest.approx(0.7)
    assert (entry["lowest"], entry["highest"], entry["rate"]) == (["a"], ["b"], "selection_rate")
    odds = disparity(grouping, "equalized_odds_difference")
    assert odds["value"] == 0
    assert odds["lowest"] != odds["highest"], "of equal groups two are told"


def test_null_is_a_group_of_its_own() -> None:
    found = held([*many("a", 10, 2), *many(None, 10, 9)], "first")
    (grouping,) = found["groupings"]
    assert [group["values"] for group in grouping["groups"]] == [["a"], [None]]
    entry = disparity(grouping, "demographic_parity_ratio")
    assert entry["value"] == pytest.approx(2 / 9)
    assert entry["highest"] == [None]


def test_small_groups_are_told_and_not_judged() -> None:
    found = held([*many("a", 10, 2), *many("b", 10, 4), *many(None, 3, 3)], "first", least=10)
    (grouping,) = found["groupings"]
    assert [group["judged"] for group in grouping["groups"]] == [True, True, False]
    assert grouping["groups"][2]["rates"]["selection_rate"] == 1.0
    assert valued(found, "demographic_parity_difference") == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("rows", "least", "remark"),
    [
        (many("a", 40, 20), 30, "only one group by `first` has 30 rows or more"),
        ([*many("a", 9, 4), *many("b", 9, 5)], 1000, "no group by `first` has 1,000 rows or more"),
        (many("a", 1, 1), 1, "only one group by `first` has 1 row or more"),
    ],
)
def test_one_group_has_nothing_to_be_held_against(rows: list[Row], least: int, remark: str) -> None:
    found = held(rows, "first", least=least)
    assert [valued(found, metric) for metric in BINARY] == [None] * len(BINARY)
    assert worst(found, "demographic_parity_ratio")[1]["remark"] == remark


def test_a_group_without_positives_has_no_true_positive_rate_instead_of_none_found() -> None:
    """Fairlearn takes 0 for it, which would be the worst there is."""
    found = held([*many("a", 10, 0), *many("b", 10, 5), *many(None, 10, 8)], "first")
    assert valued(found, "equal_opportunity_difference") == 0
    none = held([*many("a", 10, 0), *many("b", 10, 5)], "first")
    _, entry = worst(none, "equalized_odds_ratio")
    assert entry["value"] is None
    assert entry["remark"] == (
        "fewer than two groups by `first` have rows that the true positive rate or the false"
        " positive rate is of"
    )
    assert valued(none, "demographic_parity_difference") == 0.5


def test_nobody_selected_is_nobody_favoured() -> None:
    found = held([*many("a", 10, 0), *many("b", 10, 0)], "first")
    assert valued(found, "demographic_parity_ratio") == 1
    assert valued(found, "demographic_parity_difference") == 0
    assert valued(held([*many("a", 9, 0), *many("b", 9, 1)], "first"), BINARY[1]) == 0


def test_one_column_without_groups_is_not_made_up_for_by_another() -> None:
    rows = [*many("a", 20, 4), *many("b", 20, 8)]
    grouping, entry = worst(held(rows, "first", "second"), "demographic_parity_difference")
    assert (grouping["columns"], entry["value"]) == (["second"], None)


def test_combinations_count_as_far_as_they_are_large_enough() -> None:
    """Each column has groups to compare; of the combinations, all but one are too small."""
    rows = [*many("a", 30, 6), *many("b", 5, 5), *many("b", 25, 5, 2), *many("a", 5, 5, 2)]
    grouping, entry = worst(
        held(rows, "first", "second", least=30), "demographic_parity_difference"
    )
    assert grouping["columns"] in (["first"], ["second"])
    assert entry["value"] is not None
    fewer = held(rows, "first", "second", least=5)
    assert worst(fewer, "demographic_parity_difference")[0]["columns"] == ["first", "second"]


def test_a_threshold_is_what_selects() -> None:
    scores = np.array([[0.6, 0.4], [0.3, 0.7]], np.float32)
    beside = {"group": pa.array(["a", "b"])}
    asked = Asked(("group",), ("demographic_parity_difference",), 1)
    for threshold, wanted in ((0.5, 1.0), (0.3, 0.0), (0.9, 0.0)):
        rates = rates_of("binary", np.array([0, 1]), scores, threshold)
        assert valued(fairness(asked, rates, beside), asked.metrics[0]) == wanted


def test_classes_and_numbers_are_compared_by_how_right_they_are() -> None:
    groups = {"group": pa.array(["a", "a", "b", "b"])}
    classes = rates_of("multiclass", np.array([0, 1, 2, 0]), np.eye(3)[[0, 1, 2, 1]], 0.5)
    asked = Asked(("group",), fairness_for("multiclass"), 1)
    found = fairness(asked, classes, groups)
    assert [valued(found, name) for name in asked.metrics] == [0.5, 0.5]
    numbers = rates_of("regression", np.array([1.0, 2, 3, 4]), np.array([2.0, 3, 7, 8]), 0.5)
    asked = Asked(("group",), fairness_for("regression"), 1)
    found = fairness(asked, numbers, groups)
    assert [valued(found, name) for name in asked.metrics] == [3.0, 0.25]


def test_of_very_many_groups_the_largest_and_those_furthest_apart_are_told() -> None:
    rows = [row for at in range(3 * LIMIT) for row in many(f"g{at}", 4, 2)]
    rows += [*many("least", 3, 0), *many("most", 3, 3)]
    found = held(rows, "first", metrics=["demographic_parity_difference"], least=3)
    (grouping,) = found["groupings"]
    assert (grouping["judged"], len(grouping["groups"])) == (3 * LIMIT + 2, LIMIT + 2)
    assert [group["values"] for group in grouping["groups"][-2:]] == [["least"], ["most"]]


def test_values_that_json_has_not_are_told_as_texts() -> None:
    rates = rates_of("regression", np.array([1.0, 2.0]), np.array([1.0, 2.0]), 0.5)
    beside = {"group": pa.array([float("nan"), float("nan")])}
    found = fairness(Asked(("group",), ("mae_ratio",), 1), rates, beside)
    assert [group["values"] for group in found["groupings"][0]["groups"]] == [["nan"]]


def test_a_column_without_values_is_refused_by_its_name() -> None:
    rates = rates_of("regression", np.array([1.0]), np.array([1.0]), 0.5)
    with pytest.raises(StackcError, match=r"E704: the sensitive column `group` is list"):
        fairness(Asked(("group",), ("mae_ratio",), 1), rates, {"group": pa.array([[1]])})
