"""What a look at live traffic found, as text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.engine.monitoring import Judged
from compiler.report.results import without_bins
from compiler.report.text_results import drift_lines
from compiler.report.text_style import Style, plural


def judged_lines(found: Sequence[Judged], style: Style) -> list[str]:
    """The windows that were judged, then what each open window has gathered."""
    new = {judged.block: judged.drift for judged in found if judged.drift["windows"]}
    lines = drift_lines(new, style)
    if lines:
        lines.append("")
    return [*lines, *(_open(judged) for judged in found)]


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
            }
            for judged in found
        }
    }
