"""What was applied, and the runs that did it, as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from compiler.engine.rows import NodeRow, RunRow
from compiler.report.text_style import Cell, Style, Tone, number, plural, seconds, table

_STATUS: dict[str, Tone] = {
    "done": "good",
    "failed": "error",
    "interrupted": "warning",
    "running": "accent",
}


def status_lines(nodes: Sequence[NodeRow], last: RunRow | None, style: Style) -> list[str]:
    """Each block with what was made of it, and how the last run ended."""
    if last is None:
        return ["Nothing was applied yet: stackc apply"]
    lines = [f"{style.paint(last.stack, 'bold')}: {plural(len(nodes), 'node')} applied"]
    lines.append(f"run {last.number}, {last.command}: {_outcome(last, style)}")
    groups: dict[str, list[NodeRow]] = {}
    for node in nodes:
        groups.setdefault(node.block, []).append(node)
    rows = [
        [block, number(len(group)), moment(_newest(group)), summary_text(merged(group))]
        for block, group in groups.items()
    ]
    if rows:
        lines += table(("block", "nodes", "last made (UTC)", ""), rows, style, right=(1,))
    return lines


def _newest(nodes: Iterable[NodeRow]) -> str:
    return max(node.finished for node in nodes)


def moment(text: str) -> str:
    """A time to the second, for people."""
    return text[:19].replace("T", " ")


def merged(nodes: Iterable[NodeRow]) -> dict[str, object]:
    """The numbers of a block: what its later nodes say wins."""
    found: dict[str, object] = {}
    for node in sorted(nodes, key=lambda node: node.finished):
        found.update(node.summary)
    return found


def summary_text(summary: object, most: int = 4) -> str:
    """A task's few numbers on one line: ``rows 569, columns 31``."""
    if not isinstance(summary, dict):
        return ""
    simple = [(k, v) for k, v in summary.items() if not isinstance(v, dict | list)]
    return ", ".join(f"{str(k).replace('_', ' ')} {number(v)}" for k, v in simple[:most])


def history_lines(runs: Sequence[RunRow], style: Style) -> list[str]:
    """The runs, newest first."""
    if not runs:
        return ["No run yet: stackc apply"]
    rows: list[list[Cell | str]] = [
        [
            number(run.number),
            run.command,
            moment(run.began),
            took(run),
            Cell(run.status, _STATUS.get(run.status)),
            counts_text(run.counts),
            run.messages[0] if run.messages else "",
        ]
        for run in runs
    ]
    heads = ("run", "command", "began (UTC)", "took", "ended", "actions", "")
    return table(heads, rows, style, right=(0, 3), indent=0, widest=70)


def counts_text(counts: object) -> str:
    """How often each action was done: ``3 run, 12 keep``."""
    if not isinstance(counts, dict):
        return ""
    return ", ".join(f"{count} {action}" for action, count in counts.items() if count)


def took(run: RunRow) -> str:
    """How long a run lasted; a dash where its end is unknown."""
    if run.ended is None:
        return "–"
    return seconds((_time(run.ended) - _time(run.began)).total_seconds())


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _outcome(run: RunRow, style: Style) -> str:
    word = style.paint(run.status, _STATUS.get(run.status))
    return f"{word} {moment(run.began)} UTC, took {took(run)}"
