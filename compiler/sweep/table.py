"""A sweep as a table: points down, what was chosen and what came of it across, the best first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from compiler.diagnostics import did_you_mean
from compiler.engine.sweeps import PointRow
from specs.metrics import METRICS


class UnknownMetric(Exception):
    """There is no such metric in a sweep; ``args`` are the name and the ways out."""


class SweepTable(Struct, frozen=True):
    """The points of a sweep in an order.

    Attributes:
        points: The best first; failed ones last.
        keys: What was swept, in the order of the arguments.
        metrics: ``model.metric`` in the order of the spec.
        by: The metric that the order is by; None where there is none.
    """

    points: tuple[PointRow, ...]
    keys: tuple[str, ...]
    metrics: tuple[str, ...]
    by: str | None

    def as_json(self) -> list[dict[str, Any]]:
        """The points as plain data, in the table's order."""
        return [
            {
                "point": point.number,
                "status": point.status,
                "overrides": list(point.overrides),
                "choices": dict(point.choices),
                "metrics": dict(point.metrics),
                "gates_missed": list(point.gates),
                "reason": point.reason or None,
                "seconds": point.seconds,
            }
            for point in self.points
        ]


def sweep_table(points: Sequence[PointRow], sort: str | None = None) -> SweepTable:
    """The table of a sweep's points.

    Args:
        points: In any order.
        sort: ``metric`` or ``model.metric``; by default the first there is.

    Raises:
        UnknownMetric: No point has a metric of that name.
    """
    metrics = _named(name for point in points for name, _ in point.metrics)
    by = metric_named(sort, metrics) if sort is not None and metrics else next(iter(metrics), None)
    keys = _named(key for point in points for key, _ in point.choices)
    return SweepTable(tuple(sorted(points, key=lambda p: _rank(p, by))), keys, metrics, by)


def metric_named(asked: str, metrics: Sequence[str]) -> str:
    """The metric that is meant by ``metric`` or ``model.metric``: the first of that name.

    Raises:
        UnknownMetric: There is none.
    """
    for name in metrics:
        if asked in (name, name.rpartition(".")[2]):
            return name
    raise UnknownMetric(asked, did_you_mean(asked, metrics))


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of ``model.metric`` is the better one."""
    known = METRICS.get(metric.rpartition(".")[2])
    return known is not None and known.better == "lower"


def short_names(names: Sequence[str]) -> list[str]:
    """Each name by its last part, where that tells it from the others.

    Example:
        >>> short_names(["a.b.depth", "a.b.rate"]), short_names(["a.x", "b.x"])
        (['depth', 'rate'], ['a.x', 'b.x'])
    """
    last = [name.rpartition(".")[2] for name in names]
    return [part if last.count(part) == 1 else name for part, name in zip(last, names, strict=True)]


def shown_value(value: Any) -> str:
    """A chosen value as the spec would write it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def parquet(table: SweepTable) -> bytes:
    """The table as a Parquet file, a row a point.

    Swept values that have one type keep it; mixed ones, lists and mappings are JSON text.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {
        "point": pa.array([p.number for p in table.points], pa.int64()),
        "status": pa.array([p.status for p in table.points], pa.string()),
    }
    for key in table.keys:
        name = key if key not in columns else f"{key} (override)"
        columns[name] = _values([dict(p.choices).get(key) for p in table.points])
    for metric in table.metrics:
        name = metric if metric not in columns else f"{metric} (metric)"
        columns[name] = pa.array([dict(p.metrics).get(metric) for p in table.points], pa.float64())
    columns["gates_missed"] = pa.array([list(p.gates) for p in table.points], pa.list_(pa.string()))
    columns["reason"] = pa.array([p.reason or None for p in table.points], pa.string())
    columns["seconds"] = pa.array([p.seconds for p in table.points], pa.float64())
    columns["overrides"] = pa.array(
        [list(p.overrides) for p in table.points], pa.list_(pa.string())
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _values(values: list[Any]) -> Any:
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and all(abs(v) < 2**63 for v in values if isinstance(v, int)):
        return pa.array(values, pa.float64() if float in kinds else pa.int64())
    if kinds in ({str}, {bool}):
        return pa.array(values)
    return pa.array(
        [None if value is None else msgspec.json.encode(value).decode() for value in values]
    )


def _named(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _rank(point: PointRow, by: str | None) -> tuple[int, bool, float, int]:
    value = dict(point.metrics).get(by) if by is not None else None
    sign = 1.0 if by is not None and lower_is_better(by) else -1.0
    order = {"done": 0, "waiting": 1, "failed": 2}[point.status]
    return order, value is None, 0.0 if value is None else sign * value, point.number
