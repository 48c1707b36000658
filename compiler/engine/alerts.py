"""The event that tells of drift: which windows, the worst columns, distances and no values."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backend import EventDraft, Json
from compiler.graph.documents import Drift, WindowDrift

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
