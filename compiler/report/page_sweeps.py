"""The sweeps of a report: their points as a table, and as lines across choices and metrics."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from compiler.engine.sweeps import PointRow
from compiler.report.html.parallel import Line, Upright
from compiler.report.view import RunView, SweepView
from compiler.sweep.table import SweepTable, lower_is_better, short_names, shown_value

MOST_POINTS = 100


class SweepPoint(Struct, frozen=True):
    """One row: a cell for each swept key, a value for each metric, how it went."""

    number: int
    choices: tuple[str, ...]
    metrics: tuple[float | None, ...]
    status: str
    gates: tuple[str, ...]
    reason: str


class Sweep(Struct, frozen=True):
    """One sweep; ``uprights`` and ``lines`` are its picture, without points that did not end."""

    number: int
    asked: str
    began: str
    status: str
    by: str
    better: str
    keys: tuple[str, ...]
    metrics: tuple[str, ...]
    points: tuple[SweepPoint, ...]
    left_out: int
    done: int
    failed: int
    uprights: tuple[Upright, ...]
    lines: tuple[Line, ...]


def sweeps(run: RunView) -> tuple[Sweep, ...]:
    """All sweeps that are known, the newest first."""
    return tuple(map(_sweep, run.sweeps))


def _sweep(view: SweepView) -> Sweep:
    found = view.table
    done = [point for point in found.points if point.status == "done"]
    by = found.by or ""
    return Sweep(
        number=view.number,
        asked=view.asked,
        began=view.began,
        status=view.status,
        by=by,
        better="lower" if lower_is_better(by) else "higher",
        keys=tuple(short_names(found.keys)),
        metrics=tuple(short_names(found.metrics)),
        points=tuple(_point(point, found) for point in found.points[:MOST_POINTS]),
        left_out=max(0, len(found.points) - MOST_POINTS),
        done=len(done),
        failed=sum(point.status == "failed" for point in found.points),
        uprights=_uprights(_drawn(done, found), found),
        lines=_lines(_drawn(done, found)),
    )


def _point(point: PointRow, found: SweepTable) -> SweepPoint:
    choices, metrics = dict(point.choices), dict(point.metrics)
    return SweepPoint(
        point.number,
        tuple(shown_value(choices[key]) if key in choices else "" for key in found.keys),
        tuple(metrics.get(name) for name in found.metrics),
        point.status,
        point.gates,
        point.reason,
    )


def _drawn(done: Sequence[PointRow], found: SweepTable) -> list[PointRow]:
    """The points that have a value on every scale."""
    return [
        point
        for point in done
        if {key for key, _ in point.choices} >= set(found.keys)
        and all(dict(point.metrics).get(name) is not None for name in found.metrics)
    ]


def _uprights(points: Sequence[PointRow], found: SweepTable) -> tuple[Upright, ...]:
    chosen = [
        Upright(name, tuple(dict(point.choices)[key] for point in points))
        for name, key in zip(short_names(found.keys), found.keys, strict=True)
    ]
    measured = [
        Upright(
            name,
            tuple(dict(point.metrics)[metric] for point in points),
            "lower is better" if lower_is_better(metric) else "",
        )
        for name, metric in zip(short_names(found.metrics), found.metrics, strict=True)
    ]
    return (*chosen, *measured)


def _lines(points: Sequence[PointRow]) -> tuple[Line, ...]:
    """The best first, as the table has them; quality goes by place."""
    last = max(len(points) - 1, 1)
    return tuple(Line(f"point {p.number}", 1 - n / last) for n, p in enumerate(points))
