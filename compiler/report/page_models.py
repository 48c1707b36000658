"""The models of a report: how they were fitted, how good they are, what the gates said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from compiler.graph.documents import (
    Curve,
    Gates,
    Importance,
    Metrics,
    Registration,
    Training,
    Trial,
    Tuning,
)
from compiler.graph.node import Node
from compiler.graph.operations import Evaluate, FitFeatures, JudgeGates, Register, Train, Tune
from compiler.report.groups import GroupTable, group_tables
from compiler.report.view import RunView

MOST_IMPORTANCES = 20
MOST_CLASSES = 20
MOST_SLICES = 30
MOST_TRIALS = 20
KINDS = ("roc", "pr", "calibration", "residuals")


class SliceRow(Struct, frozen=True):
    """One slice: its value as text and its metrics."""

    value: str
    rows: int
    metrics: Mapping[str, float | None]


class SliceTable(Struct, frozen=True):
    """The slices of one column. ``most`` is each metric's largest size, for bars."""

    column: str
    names: tuple[str, ...]
    most: Mapping[str, float]
    rows: tuple[SliceRow, ...]
    left_out: int


class Confusion(Struct, frozen=True):
    """Rows are truth, columns prediction; ``shares`` are of the row's sum."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]


class Model(Struct):
    """Everything known of one model; parts that were not made are None or empty."""

    block: str
    target: str = ""
    algorithm: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    features: Sequence[tuple[str, str]] = ()
    tuning: Tuning | None = None
    training: Training | None = None
    metrics: Metrics | None = None
    gates: Gates | None = None
    registration: Registration | None = None

    @property
    def importances(self) -> list[Importance]:
        """The most important features, first to last."""
        found = self.training["importances"] if self.training else []
        return sorted(found, key=lambda i: (-i["value"], i["feature"]))[:MOST_IMPORTANCES]

    @property
    def trials(self) -> list[Trial]:
        """The best trials of a search, the best first; those without a value come last."""
        if self.tuning is None:
            return []
        sign = -1 if self.tuning["better"] == "higher" else 1
        return sorted(self.tuning["trials"], key=lambda trial: _place(trial, sign))[:MOST_TRIALS]

    @property
    def curves(self) -> list[tuple[str, Curve]]:
        """The curves that were made, in a fixed order."""
        curves = self.metrics["curves"] if self.metrics else {}
        known = [kind for kind in KINDS if kind in curves]
        return [(k, curves[k]) for k in [*known, *sorted(set(curves) - set(KINDS))]]

    @property
    def slices(self) -> list[SliceTable]:
        """One table per sliced column, its largest slices first."""
        return _slices(self.metrics) if self.metrics else []

    @property
    def groups(self) -> list[GroupTable]:
        """One table per sensitive column, then one of all at once."""
        fairness = self.metrics.get("fairness") if self.metrics else None
        return group_tables(fairness) if fairness else []

    @property
    def positive(self) -> str:
        """The label that a binary model says yes for; empty where there is none."""
        binary = self.metrics is not None and self.metrics["task"] == "binary"
        return _text(self.metrics["classes"][1]) if self.metrics and binary else ""

    @property
    def confusion(self) -> Confusion | None:
        """The confusion matrix; None for numbers and for more than ``MOST_CLASSES``."""
        return _confusion(self.metrics) if self.metrics else None


def models(run: RunView) -> tuple[Model, ...]:
    """Every model of the graph, in its order."""
    found: dict[str, Model] = {}
    for node in run.graph:
        if isinstance(
            node.operation, FitFeatures | Tune | Train | Evaluate | JudgeGates | Register
        ):
            model = found.setdefault(node.block, Model(node.block))
            _add(run, node, model)
    return tuple(found.values())


def _add(run: RunView, node: Node, model: Model) -> None:
    operation = node.operation
    if isinstance(operation, FitFeatures):
        model.features = [(f.name, f.expression) for f in operation.features]
    elif isinstance(operation, Tune):
        model.tuning = run.document(node, "tuning")
    elif isinstance(operation, Train):
        model.target, model.algorithm = operation.target, operation.algorithm
        model.training = run.document(node, "training")
        given = model.training["parameters"] if model.training else dict(operation.parameters)
        model.parameters = given
    elif isinstance(operation, Evaluate):
        model.metrics = run.document(node, "metrics")
    elif isinstance(operation, JudgeGates):
        model.gates = run.document(node, "gates")
    else:
        model.registration = run.document(node, "registration")


def _place(trial: Trial, sign: int) -> tuple[bool, float, int]:
    value = trial["value"]
    return value is None, 0.0 if value is None else sign * value, trial["number"]


def _slices(metrics: Metrics) -> list[SliceTable]:
    columns: dict[str, list[SliceRow]] = {}
    for part in metrics["slices"]:
        row = SliceRow(_text(part["value"]), part["rows"], part["metrics"])
        columns.setdefault(part["column"], []).append(row)
    names = tuple(metrics["slices"][0]["metrics"]) if metrics["slices"] else ()
    found = []
    for column, rows in columns.items():
        rows.sort(key=lambda row: (-row.rows, row.value))
        most = {name: _most(rows, name) for name in names}
        shown = tuple(rows[:MOST_SLICES])
        found.append(SliceTable(column, names, most, shown, len(rows) - len(shown)))
    return found


def _most(rows: list[SliceRow], name: str) -> float:
    values = [row.metrics.get(name) for row in rows]
    return max((value for value in values if value is not None), default=0.0)


def _confusion(metrics: Metrics) -> Confusion | None:
    counts = metrics["confusion"]
    if not counts or len(counts) > MOST_CLASSES:
        return None
    shares = tuple(tuple(n / max(sum(row), 1) for n in row) for row in counts)
    classes = tuple(_text(name) for name in metrics["classes"])
    return Confusion(classes, tuple(tuple(row) for row in counts), shares)


def _text(value: Any) -> str:
    """A value of the data as the spec would write it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)
