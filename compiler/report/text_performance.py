"""How good a model's answers were, window by window, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.engine.measuring import Waiting
from compiler.graph.documents import Performance, WindowPerformance
from compiler.report.text_style import Cell, Style, Tone, number, plural, table

MOST_WINDOWS = 24
_TONES: Mapping[str, Tone] = {"dropped": "error", "holds": "good", "not judged": "warning"}


def performance_lines(found: Mapping[str, Performance], style: Style) -> list[str]:
    """The verdict on every window of every monitor that holds answers against labels."""
    rows: list[list[Cell | str]] = []
    for block, performance in found.items():
        name = block.removeprefix("monitors.")
        windows = performance["windows"]
        shown = windows if len(windows) <= MOST_WINDOWS else _dropped_first(windows)
        rows += [
            [
                name,
                window["window"] or "all",
                number(window["rows"]),
                *_cells(window, performance["better"]),
            ]
            for window in shown
        ]
        if len(windows) > len(shown):
            rows.append([name, f"{len(windows) - len(shown)} more", "", "", "in the report"])
        if not windows:
            rows.append([name, "", "", Cell("no window yet", "dim"), "stackc monitor"])
    if not rows:
        return []
    heads = ("monitor", "window", "rows", "", "")
    return [style.paint("Performance", "bold"), *table(heads, rows, style, right=(2,))]


def waiting_line(block: str, waiting: Sequence[Waiting]) -> str | None:
    """What waits for labels, and when the first of it is judged at the latest."""
    if not waiting:
        return None
    rows = sum(one.window["rows"] for one in waiting)
    labelled = sum(one.window["labelled"] for one in waiting)
    verb = "waits" if len(waiting) == 1 else "wait"
    return (
        f"{block}: {plural(len(waiting), 'window')} {verb} for labels, which"
        f" {labelled:,} of {plural(rows, 'row')} have; judged by {waiting[0].until} at the latest"
    )


def verdict_of(window: WindowPerformance) -> str:
    """A window's verdict in a word or two."""
    if window["value"] is None:
        return "not judged"
    return "dropped" if window["dropped"] else "holds"


def said_of(window: WindowPerformance, better: str) -> str:
    """A window's metric beside its bound, of how many labelled rows; or why there is none."""
    parts = []
    if window["value"] is not None:
        higher = better == "higher"
        side = "at least" if higher else "at most"
        if window["dropped"]:
            side = "below" if higher else "above"
        parts.append(f"{window['metric']} {number(window['value'])}, {side} {window['bound']:g}")
    if window["labelled"] < window["rows"]:
        parts.append(f"{window['labelled']:,} labelled")
    if window["left_out"]:
        parts.append(f"{window['left_out']:,} without a key")
    if window["detail"]:
        parts.append(window["detail"])
    return "; ".join(parts)


def _cells(window: WindowPerformance, better: str) -> list[Cell | str]:
    return [Cell(verdict_of(window), _TONES[verdict_of(window)]), said_of(window, better)]


def _dropped_first(windows: Sequence[WindowPerformance]) -> list[WindowPerformance]:
    return sorted(windows, key=lambda window: not window["dropped"])[:MOST_WINDOWS]
