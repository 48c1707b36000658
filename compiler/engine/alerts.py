"""The events that tell of drift and of performance: which windows, distances and no values."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backend import EventDraft, Json
from compiler.graph.documents import Drift, Performance, WindowDrift, WindowPerformance
from compiler.graph.operations import Measure
from specs.metrics import METRICS

WORST = 5
"""Columns of a window, and ``WINDOWS`` windows, that an event names."""
WINDOWS = 20


def drifted(drift: Drift) -> list[WindowDrift]:
    """The windows that drifted."""
    return [window for window in drift["windows"] if window["drifted"]]


def drift_event(monitor: str, drift: Drift, notify: Sequence[str]) -> EventDraft:
    """``drift.detected`` of a document that alerts.

    Args:
        monitor: The monitor's block.
        drift: What was found; at least one window drifted.
        notify: Blocks of channels to tell besides those that subscribe.
    """
    windows = drifted(drift)
    worst = max(windows, key=lambda window: _worst(window)[0]["distance"] or 0.0)
    column = _worst(worst)[0]
    message = (
        f"{monitor}: {len(windows)} of {len(drift['windows'])} windows drifted; "
        f"worst in `{worst['window']}`: {column['column']}, {column['method']} "
        f"{column['distance'] or 0.0:.3g} (threshold {drift['threshold']:g})"
    )
    told = [
        {"window": w["window"], "rows": w["rows"], "columns": _worst(w)} for w in windows[:WINDOWS]
    ]
    data = {
        "monitor": monitor,
        "method": drift["method"],
        "threshold": drift["threshold"],
        "drifted": len(windows),
        "windows": told,
    }
    return EventDraft("drift.detected", monitor, message, "warning", data, tuple(notify))


def _worst(window: WindowDrift) -> list[dict[str, Json]]:
    """The window's drifted columns, the farthest first; distances and no values of rows."""
    columns = [column for column in window["columns"] if column["drifted"]]
    columns.sort(key=lambda column: (-(column["distance"] or 0.0), column["column"]))
    return [
        {"column": c["column"], "distance": c["distance"], "method": c["method"]}
        for c in columns[:WORST]
    ]


def dropped(performance: Performance) -> list[WindowPerformance]:
    """The windows in which the metric was beyond its bound."""
    return [window for window in performance["windows"] if window["dropped"]]


def performance_of(measure: Measure, windows: Sequence[WindowPerformance]) -> Performance:
    """The document of these windows, with the bound that is asked for now."""
    return Performance(
        metric=measure.metric,
        better=METRICS[measure.metric].better,
        bound=measure.bound,
        alert=any(window["dropped"] for window in windows),
        windows=[*windows],
    )


def performance_event(monitor: str, performance: Performance, notify: Sequence[str]) -> EventDraft:
    """``performance.dropped`` of a document that alerts: the metric and counts, no rows.

    Args:
        monitor: The monitor's block.
        performance: What was found; it dropped in at least one window.
        notify: Blocks of channels to tell besides those that subscribe.
    """
    windows = dropped(performance)
    worst = (min if performance["better"] == "higher" else max)(
        windows, key=lambda window: window["value"] or 0.0
    )
    where = f" in `{worst['window']}`" if worst["window"] else ""
    side = "below" if performance["better"] == "higher" else "above"
    message = (
        f"{monitor}: {worst['metric']} {worst['value'] or 0.0:.3g}{where} is {side}"
        f" {worst['bound']:g}, of {worst['labelled']:,} labelled rows"
    )
    kept = ("window", "metric", "value", "bound", "rows", "labelled")
    told = [{name: window[name] for name in kept} for window in windows[:WINDOWS]]  # type: ignore[literal-required]
    data = {
        "monitor": monitor,
        "metric": performance["metric"],
        "bound": performance["bound"],
        "dropped": len(windows),
        "windows": told,
    }
    return EventDraft("performance.dropped", monitor, message, "warning", data, tuple(notify))
