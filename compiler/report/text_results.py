"""A stack's results as text: metrics, gates, drift, versions, endpoints."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.graph.documents import Drift, GateResult, Metrics, Verdict, WindowDrift
from compiler.report.groups import disparities
from compiler.report.results import Results
from compiler.report.text_performance import performance_lines
from compiler.report.text_style import Cell, Style, number, plural, table
from specs.metrics import METRICS

MOST_WINDOWS = 24
MOST_COLUMNS = 6


def result_lines(results: Results, style: Style) -> list[str]:
    """Everything a person wants to see after an apply, a paragraph per question."""
    parts = [
        data_lines(results, style),
        metric_lines(results.metrics, style),
        fairness_lines(results, style),
        gate_lines(results, style),
        drift_lines(results.drift, style),
        performance_lines(results.performance, style),
        version_lines(results, style),
        endpoint_lines(results, style),
    ]
    return [line for part in parts if part for line in ["", *part]]


def data_lines(results: Results, style: Style) -> list[str]:
    """Rules that were broken, a line each; nothing where all held."""
    rows: list[list[Cell | str]] = [
        [block, rule["name"], _broken(verdict, rule["broken"]), _verdict_cell(rule["on_failure"])]
        for block, verdict in results.verdict.items()
        for rule in verdict["rules"]
        if not rule["passed"]
    ]
    if not rows:
        return []
    return [_head("Broken rules", style), *table(("table", "rule", "rows", ""), rows, style)]


def _broken(verdict: Verdict, broken: int) -> str:
    return f"{broken:,} of {verdict['rows']:,}"


def _verdict_cell(on_failure: str) -> Cell:
    words = {"block": "blocked", "quarantine": "quarantined", "warn": "told"}
    return Cell(words.get(on_failure, on_failure), "error" if on_failure == "block" else "warning")


def metric_lines(metrics: dict[str, Metrics], style: Style) -> list[str]:
    """One table per task: models down, metrics across; those of fairness have their own."""
    lines: list[str] = []
    for names, blocks in _alike(metrics).items():
        heads = ("model", "rows", *names)
        rows = [
            [
                block.removeprefix("models."),
                number(metrics[block]["rows"]),
                *(number(metrics[block]["metrics"][name]) for name in names),
            ]
            for block in blocks
        ]
        lines += table(heads, rows, style, right=range(1, len(heads)))
    return [_head("Metrics", style), *lines] if lines else []


def _alike(metrics: dict[str, Metrics]) -> dict[tuple[str, ...], list[str]]:
    """Models that were judged by the same metrics."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for block, found in metrics.items():
        names = tuple(name for name in found["metrics"] if not _between_groups(name))
        groups.setdefault(names, []).append(block)
    return groups


def _between_groups(metric: str) -> bool:
    return metric in METRICS and METRICS[metric].between_groups


def fairness_lines(results: Results, style: Style) -> list[str]:
    """Every metric between groups with the two groups that are furthest apart."""
    rows: list[list[Cell | str]] = [
        [
            block.removeprefix("models."),
            row.metric,
            row.by,
            number(row.value),
            row.rate,
            row.lowest,
            row.highest,
            Cell(row.remark, "warning"),
        ]
        for block, found in results.metrics.items()
        if "fairness" in found
        for row in disparities(found["fairness"], results.private.get(block, frozenset()))
    ]
    if not rows:
        return []
    heads = ("model", "metric", "by", "value", "of", "lowest", "highest", "")
    return [_head("Fairness", style), *table(heads, rows, style, right=(3,))]


def gate_lines(results: Results, style: Style) -> list[str]:
    """Every gate with its value, its bound and whether it held."""
    rows: list[list[Cell | str]] = [
        [
            block.removeprefix("models."),
            gate["text"],
            number(gate["value"]),
            number(gate["bound"]),
            Cell("passed", "good") if gate["passed"] else Cell("failed", "error"),
            _gate_remark(gate),
        ]
        for block, gates in results.gates.items()
        for gate in gates["gates"]
    ]
    if not rows:
        return []
    heads = ("model", "gate", "value", "bound", "", "")
    return [_head("Gates", style), *table(heads, rows, style, right=(2, 3))]


def _gate_remark(gate: GateResult) -> str:
    if gate["champion"] is not None:
        return f"champion {number(gate['champion'])}"
    return gate["detail"]


def drift_lines(drift: dict[str, Drift], style: Style) -> list[str]:
    """The verdict on every window of every monitor."""
    rows: list[list[Cell | str]] = []
    for block, found in drift.items():
        windows = found["windows"]
        shown = windows if len(windows) <= MOST_WINDOWS else _drifted_first(windows)
        name = block.removeprefix("monitors.")
        rows += [
            [name, window["window"] or "all", number(window["rows"]), *_drift_cells(window, found)]
            for window in shown
        ]
        if len(windows) > len(shown):
            rows.append([name, f"{len(windows) - len(shown)} more", "", "", "in the report"])
        if not windows:
            rows.append([name, *_nothing(found)])
    if not rows:
        return []
    return [
        _head("Drift", style),
        *table(("monitor", "window", "rows", "", ""), rows, style, right=(2,)),
    ]


def _nothing(drift: Drift) -> list[Cell | str]:
    """What stands for windows where there are none; a watch has no reference before its first."""
    if not drift["reference_rows"]:
        return ["", "", Cell("no window yet", "dim"), "stackc monitor"]
    return ["", "0", Cell("no rows", "warning"), "nothing to compare"]


def _drifted_first(windows: Iterable[WindowDrift]) -> list[WindowDrift]:
    return sorted(windows, key=lambda window: -len(window["drifted"]))[:MOST_WINDOWS]


def _drift_cells(window: WindowDrift, drift: Drift) -> list[Cell | str]:
    if not window["drifted"]:
        return [Cell("no drift", "good"), f"{plural(len(window['columns']), 'column')} compared"]
    far = sorted(
        (column for column in window["columns"] if column["drifted"]),
        key=lambda column: -(column["distance"] or 0.0),
    )
    words = [f"{column['column']} {number(column['distance'], 2)}" for column in far[:MOST_COLUMNS]]
    if len(far) > MOST_COLUMNS:
        words.append(f"{len(far) - MOST_COLUMNS} more")
    method = far[0]["method"] if far else drift["method"]
    count = f"{len(far)} of {len(window['columns'])}"
    return [
        Cell("drift", "error"),
        f"{count} over {method} {drift['threshold']:g}: " + ", ".join(words),
    ]


def version_lines(results: Results, style: Style) -> list[str]:
    """The versions that downstream now sees."""
    rows: list[list[Cell | str]] = [
        [block, f"version {version['number']}", f"{number(version['rows'])} rows"]
        for block, version in results.version.items()
    ]
    rows += [
        [block, f"version {registered['version']}", _followed(registered["followed"])]
        for block, registered in results.registration.items()
    ]
    if not rows:
        return []
    return [_head("Versions", style), *table(("", "", ""), rows, style)[1:]]


def endpoint_lines(results: Results, style: Style) -> list[str]:
    """Where each deployment answers."""
    rows: list[list[Cell | str]] = [
        [block.removeprefix("deployments."), f"revision {found['revision']}", found["url"]]
        for block, found in results.endpoint.items()
    ]
    if not rows:
        return []
    return [_head("Endpoints", style), *table(("", "", ""), rows, style)[1:]]


def _followed(digest: str | None) -> str:
    return f"champion, follows {digest[:12]}" if digest else "champion, the first"


def _head(text: str, style: Style) -> str:
    return style.paint(text, "bold")
