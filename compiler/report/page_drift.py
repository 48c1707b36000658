"""The monitors of a report: distances per window and column, and how good the answers were."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from compiler.graph.documents import (
    ColumnDrift,
    Drift,
    Performance,
    WindowDrift,
    WindowPerformance,
)
from compiler.graph.operations import CompareProfiles, Watch
from compiler.report.text_performance import said_of, verdict_of
from compiler.report.view import RunView

MOST_WINDOWS = 60
MOST_PLOTS = 12
MOST_BINS = 14


class Cell(Struct, frozen=True):
    """A distance with its colour's strength (0 at no distance, 1 at three thresholds)."""

    column: str
    distance: float | None
    heat: float
    drifted: bool
    detail: str


class HeatRow(Struct, frozen=True):
    """One window."""

    window: str
    rows: int
    cells: tuple[Cell, ...]


class Plot(Struct, frozen=True):
    """One column in the window where it is farthest from the reference."""

    window: str
    column: ColumnDrift

    @property
    def bins(self) -> tuple[Sequence[str], Sequence[float], Sequence[float]]:
        """Names and shares on both sides; the smallest of many bins are taken together."""
        column = self.column
        sides = column["reference"], column["current"]
        large = sorted(range(len(column["bins"])), key=lambda n: -max(side[n] for side in sides))
        rest = set(large[MOST_BINS - 1 :]) if len(large) > MOST_BINS else set()
        shown = [n for n in range(len(large)) if n not in rest]
        names = [str(column["bins"][n]) for n in shown]
        left, right = ([side[n] for n in shown] for side in sides)
        if not rest:
            return names, left, right
        together = [sum(side[n] for n in rest) for side in sides]
        return [*names, f"{len(rest)} smaller"], [*left, together[0]], [*right, together[1]]


class Measurement(Struct, frozen=True):
    """A window's performance, with its verdict in a word and in a sentence."""

    window: WindowPerformance
    verdict: str
    said: str


class Monitor(Struct, frozen=True):
    """A monitor's drift document, laid out; columns that drifted most come first."""

    block: str
    drift: Drift
    columns: tuple[str, ...]
    rows: tuple[HeatRow, ...]
    left_out: int
    plots: tuple[Plot, ...]
    performance: Performance | None = None

    @property
    def measured(self) -> tuple[Measurement, ...]:
        """The windows held against labels, the newest first."""
        if self.performance is None:
            return ()
        windows, better = self.performance["windows"][-MOST_WINDOWS:], self.performance["better"]
        return tuple(
            Measurement(window, verdict_of(window), said_of(window, better))
            for window in reversed(windows)
        )


def monitors(run: RunView) -> tuple[Monitor, ...]:
    """Every monitor that has compared something, in the graph's order."""
    found = []
    measured: dict[str, Performance | None] = {
        node.block: run.document(node, "performance")
        for node in run.graph
        if "performance" in dict(node.outputs)
    }
    for node in run.graph:
        if isinstance(node.operation, CompareProfiles | Watch):
            drift: Drift | None = run.document(node, "drift")
            if drift is not None:
                found.append(_monitor(node.block, drift, measured.get(node.block)))
    return tuple(found)


def _monitor(block: str, drift: Drift, performance: Performance | None) -> Monitor:
    worst = _worst(drift)
    columns = tuple(sorted(worst, key=lambda name: -(worst[name].column["distance"] or 0.0)))
    shown = drift["windows"][:MOST_WINDOWS]
    rows = tuple(_row(window, columns, drift["threshold"]) for window in shown)
    plots = [worst[name] for name in columns if worst[name].column["bins"]]
    left_out = len(drift["windows"]) - len(shown)
    return Monitor(block, drift, columns, rows, left_out, tuple(plots[:MOST_PLOTS]), performance)


def _worst(drift: Drift) -> dict[str, Plot]:
    """For each column the window where its distance is largest."""
    found: dict[str, Plot] = {}
    for window in drift["windows"]:
        for column in window["columns"]:
            known = found.get(column["column"])
            if known is None or (column["distance"] or 0.0) > (known.column["distance"] or 0.0):
                found[column["column"]] = Plot(window["window"], column)
    return found


def _row(window: WindowDrift, columns: tuple[str, ...], threshold: float) -> HeatRow:
    by_name = {column["column"]: column for column in window["columns"]}
    cells = [_cell(name, by_name.get(name), threshold) for name in columns]
    return HeatRow(window["window"], window["rows"], tuple(cells))


def _cell(name: str, column: ColumnDrift | None, threshold: float) -> Cell:
    if column is None:
        return Cell(name, None, 0.0, False, "not compared")
    distance = column["distance"] or 0.0
    heat = min(1.0, distance / (3 * threshold)) if threshold > 0 else float(distance > 0)
    return Cell(name, column["distance"], round(heat, 2), column["drifted"], column["detail"])
