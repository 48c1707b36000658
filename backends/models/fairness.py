"""Fairness: groups of rows by sensitive columns, and how far apart a model treats them.

The metrics are Fairlearn's (``fairlearn.metrics`` 0.15, ``method="between_groups"``,
``agg="worst_case"``; fairlearn.org, user guide "Common fairness metrics"), after Dwork et al. 2012
(demographic parity) and Hardt, Price and Srebro 2016 (equalized odds, equal opportunity). Of two
groups, demographic parity is AIF360's statistical parity difference without its sign, and its
disparate impact. Two things differ from Fairlearn. A rate of no row, such as the true positive rate
of a group without positives, is undefined and not 0, and is not compared. Rates that are 0 in every
group are equal, so their ratio is 1 and not 0/0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from msgspec import Struct

from backends.models.metrics import Array, decide
from backends.models.slices import encoded, plain_value
from compiler.graph import documents
from compiler.graph.operations import Fairness
from specs.metrics import METRICS

LIMIT = 50
"""Groups of a grouping that are told: those with the most rows, and those furthest apart."""

Counted: TypeAlias = tuple[Array, Array]
"""What a rate is the mean of, and the rows that it is of: [N] each."""


class Groups(Struct, frozen=True):
    """Rows by group: each row's code [N], and for each code one of ``values`` per column [K, C]."""

    columns: tuple[str, ...]
    codes: Array
    parts: Array
    values: tuple[list[Any], ...]

    def __len__(self) -> int:
        return len(self.parts)

    def named(self, code: int) -> list[Any]:
        """The values of a group, as JSON has them."""
        pairs = zip(self.values, self.parts[code], strict=True)
        return [plain_value(values[part]) for values, part in pairs]


class Ends(Struct, frozen=True):
    """A metric's value, and the codes of the groups with the lowest and the highest ``rate``."""

    value: float
    rate: str
    codes: tuple[int, int]


def fairness(
    asked: Fairness, rates: Mapping[str, Counted], beside: Mapping[str, pa.Array]
) -> documents.Fairness:
    """Hold the groups of each sensitive column against each other, and those of all at once.

    Args:
        asked: The columns and metrics.
        rates: What ``rates_of`` the task counts.
        beside: The sensitive columns, row for row.

    Raises:
        StackcError: A column is of a type without values to group by (E704).
    """
    single = [_by_column(name, beside[name]) for name in asked.sensitive]
    all_ = [*single, _crossed(single)] if len(single) > 1 else single
    groupings = [_grouping(groups, asked, rates) for groups in all_]
    return documents.Fairness(min_rows=asked.min_rows, groupings=groupings)


def worst(found: documents.Fairness, metric: str) -> tuple[documents.Grouping, documents.Disparity]:
    """The grouping that decides what a metric is.

    It is the worst one; but a single column without a value leaves the whole
    without one, because nothing is known of it. The combinations of columns
    count as far as they have groups that are large enough.
    """
    all_ = [
        (grouping, disparity)
        for grouping in found["groupings"]
        for disparity in grouping["disparities"]
        if disparity["metric"] == metric
    ]
    for grouping, disparity in all_:
        if disparity["value"] is None and len(grouping["columns"]) == 1:
            return grouping, disparity
    known = [pair for pair in all_ if pair[1]["value"] is not None]
    decides: tuple[documents.Grouping, documents.Disparity]
    decides = _choose(metric)(known, key=lambda pair: pair[1]["value"])
    return decides


def rates_of(task: str, truth: Array, scores: Array, threshold: float) -> dict[str, Counted]:
    """What is counted of each row, for every rate that groups of a task are told by.

    The positive class of a binary task is the second label, predicted from
    ``threshold`` on; as in ``metrics.evaluate``, of which the arguments are.
    """
    everyone = np.ones(len(truth), bool)
    if task == "regression":
        return {"mae": (np.abs(truth - scores.astype(np.float64)), everyone)}
    predicted = decide(scores, task, threshold)
    right = {"accuracy": (predicted == truth, everyone)}
    if task == "multiclass":
        return right
    yes, positive = predicted == 1, truth == 1
    return {
        "selection_rate": (yes, everyone),
        "true_positive_rate": (yes, positive),
        "false_positive_rate": (yes, ~positive),
        **right,
    }


def _by_column(name: str, column: pa.Array) -> Groups:
    codes, values = encoded(name, column, "sensitive")
    return Groups((name,), codes, np.arange(len(values))[:, None], (values,))


def _crossed(single: Sequence[Groups]) -> Groups:
    """Every combination of values that a row has."""
    found = single[0]
    for other in single[1:]:
        pairs = found.codes.astype(np.int64) * len(other) + other.codes
        seen, codes = np.unique(pairs, return_inverse=True)
        one, two = np.divmod(seen, len(other))
        parts = np.hstack([found.parts[one], other.parts[two]])
        found = Groups(
            (*found.columns, *other.columns), codes, parts, (*found.values, *other.values)
        )
    return found


def _grouping(groups: Groups, asked: Fairness, rates: Mapping[str, Counted]) -> documents.Grouping:
    rows = np.bincount(groups.codes, minlength=len(groups))
    judged = rows >= asked.min_rows
    found = {name: _means(groups, *counted) for name, counted in rates.items()}
    apart = {name: _apart(name, judged, found) for name in asked.metrics}
    told = dict.fromkeys(np.argsort(-rows, kind="stable")[:LIMIT].tolist())
    told |= dict.fromkeys(code for ends in apart.values() if ends for code in ends.codes)
    return documents.Grouping(
        columns=list(groups.columns),
        groups=[
            documents.Group(
                values=groups.named(code),
                rows=int(rows[code]),
                judged=bool(judged[code]),
                rates={name: _plain(values[code]) for name, values in found.items()},
            )
            for code in told
        ],
        judged=int(judged.sum()),
        small=int((~judged).sum()),
        disparities=[
            _disparity(name, ends, groups, _alone(name, groups, judged, asked.min_rows))
            for name, ends in apart.items()
        ],
    )


def _means(groups: Groups, what: Array, of: Array) -> Array:
    """The mean of each group's rows, NaN where none counts."""
    size = len(groups)
    rows = np.bincount(groups.codes, of, size)
    total = np.bincount(groups.codes, np.where(of, what, 0), size)
    means: Array = np.divide(total, rows, out=np.full(size, np.nan), where=rows > 0)
    return means


def _apart(metric: str, judged: Array, rates: Mapping[str, Array]) -> Ends | None:
    """The two groups that a metric is by; None where one of its rates has no two to compare."""
    base, _, way = metric.rpartition("_")
    found: list[Ends] = []
    for rate in _RATES[base]:
        compared = np.flatnonzero(judged & np.isfinite(rates[rate]))
        if len(compared) < 2:
            return None
        of = rates[rate][compared]
        # Of equal groups two are told all the same: the first and the last.
        low, high = int(compared[of.argmin()]), int(compared[::-1][of[::-1].argmax()])
        value = _WAYS[way](float(rates[rate][low]), float(rates[rate][high]))
        found.append(Ends(value, rate, (low, high)))
    worst_: Ends = _choose(metric)(found, key=lambda ends: ends.value)
    return worst_


def _disparity(metric: str, ends: Ends | None, groups: Groups, remark: str) -> documents.Disparity:
    if ends is None:
        return documents.Disparity(
            metric=metric, value=None, rate=None, lowest=[], highest=[], remark=remark
        )
    low, high = ends.codes
    return documents.Disparity(
        metric=metric,
        value=ends.value,
        rate=ends.rate,
        lowest=groups.named(low),
        highest=groups.named(high),
        remark="",
    )


def _alone(metric: str, groups: Groups, judged: Array, least: int) -> str:
    """Why there is nothing to compare: in columns and counts, and never in values."""
    by = " and ".join(f"`{name}`" for name in groups.columns)
    if judged.sum() < 2:
        count = "only one group" if judged.any() else "no group"
        return f"{count} by {by} has {'1 row' if least == 1 else f'{least:,} rows'} or more"
    rates = " or the ".join(_RATES[metric.rpartition("_")[0]]).replace("_", " ")
    return f"fewer than two groups by {by} have rows that the {rates} is of"


def _choose(metric: str) -> Callable[..., Any]:
    """What picks the worst value of a metric."""
    return max if METRICS[metric].better == "lower" else min


def _difference(low: float, high: float) -> float:
    return high - low


def _ratio(low: float, high: float) -> float:
    return low / high if high else 1.0


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


_RATES: Mapping[str, tuple[str, ...]] = {
    "demographic_parity": ("selection_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    "equal_opportunity": ("true_positive_rate",),
    "accuracy": ("accuracy",),
    "mae": ("mae",),
}
"""By what rates of the groups each pair of metrics is."""
_WAYS: Mapping[str, Callable[[float, float], float]] = {
    "difference": _difference,
    "ratio": _ratio,
}
