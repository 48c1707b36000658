"""What a look at live traffic found, as text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.engine.measuring import Measured
from compiler.engine.monitoring import Judged
from compiler.report.results import without_bins
from compiler.report.text_performance import performance_lines, waiting_line
from compiler.report.text_results import drift_lines
from compiler.report.text_style import Style, plural


def judged_lines(found: Sequence[Judged], style: Style) -> list[str]:
    """The windows that were judged, then what each open window has gathered."""
    new = {judged.block: judged.drift for judged in found if judged.drift["windows"]}
    measured = {
        judged.block: judged.measured.performance
        for judged in found
        if judged.measured is not None and judged.measured.performance["windows"]
    }
    lines: list[str] = []
    for part in (drift_lines(new, style), performance_lines(measured, style)):
        lines += [*part, ""] if part else []
    return [*lines, *(line for judged in found for line in _open_lines(judged))]


def _open_lines(judged: Judged) -> list[str]:
    waiting = waiting_line(judged.block, judged.measured.waiting) if judged.measured else None
    return [_open(judged), *([waiting] if waiting else [])]


def _open(judged: Judged) -> str:
    if judged.closes is None:
        after = "since" if judged.drift["windows"] else "to judge"
        return f"{judged.block}: no traffic {after}"
    return (
        f"{judged.block}: {plural(judged.rows, 'row')} in the open window, over at {judged.closes}"
    )


def judged_document(found: Sequence[Judged]) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "monitors": {
            judged.block: {
                **without_bins(judged.drift),
                "open": {"rows": judged.rows, "closes": judged.closes},
                **_measured(judged.measured),
            }
            for judged in found
        }
    }


def _measured(measured: Measured | None) -> dict[str, Any]:
    """What was measured, for monitors that hold answers against labels."""
    if measured is None:
        return {}
    waiting = [{**one.window, "until": one.until} for one in measured.waiting]
    return {"performance": {**measured.performance, "waiting": waiting}}
