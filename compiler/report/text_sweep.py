"""A sweep as text: what its points share, what is left to run, and the table of its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compiler.engine.plan import Action
from compiler.engine.sweeps import PointRow
from compiler.report.text_run import Telling
from compiler.report.text_style import Cell, Style, Tone, cut, number, plural, table, visible
from compiler.sweep.carry import Counted
from compiler.sweep.compile import CompiledSweep
from compiler.sweep.table import SweepTable, short_names, shown_value

_TONES: Mapping[str, Tone] = {"done": "good", "waiting": "warning", "failed": "error"}
_WIDE = 100


class SweepTelling(Telling):
    """Tells a sweep's run: what is known already is counted before, and needs no line each."""

    def started(self, address: str, action: Action) -> None:
        """An action starts."""
        if action is Action.REUSE:
            self._actions[address] = action
        else:
            super().started(address, action)

    def finished(self, address: str, seconds: float, summary: Mapping[str, Any]) -> None:
        """An action ended well."""
        if self._actions[address] is not Action.REUSE:
            super().finished(address, seconds, summary)


def sweep_lines(sweep: CompiledSweep, found: Counted, style: Style) -> list[str]:
    """What a sweep would do: how much is shared, how much is done, and what each point needs."""
    once = [a for a in found.left[0] if all(a in left for left in found.left)]
    own = [[a for a in left if a not in once] for left in found.left]
    keys = [key for key, _ in sweep.points[0].point.choices]
    rows: list[list[Cell | str]] = [
        [
            str(one.point.number),
            *(shown_value(value) for _, value in one.point.choices),
            Cell(_steps(left)) if left else Cell("nothing of its own", "dim"),
        ]
        for one, left in zip(sweep.points, own, strict=True)
    ]
    lines = table(("point", *short_names(keys), "to run"), rows, style, right=(0,))
    if once and len(sweep.points) > 1:
        blocks = dict.fromkeys(address.split("/")[0] for address in once)
        words = f"{plural(len(once), 'node')} of {', '.join(map(visible, blocks))}"
        lines.append(cut(f"  Once for all points: {words}", _WIDE))
    return [*lines, "", *sweep_head(sweep, found, style)]


def sweep_head(sweep: CompiledSweep, found: Counted, style: Style) -> list[str]:
    """How much work a sweep is, in two lines."""
    name = style.paint(visible(sweep.graph.name), "bold")
    apart = f" instead of {found.apart:,}" if found.apart > found.nodes else ""
    shared = ""
    if found.points > 1:
        some = found.shared - found.common
        shared = f", {found.common:,} shared by all points" + (
            f", {some:,} by some" if some else ""
        )
    left = f"{found.run:,} to run" if found.run else "nothing to run"
    return [
        f"{name}: {plural(found.points, 'point')}, {plural(found.nodes, 'node')}{apart}{shared}",
        f"{found.done:,} done already, {left}",
    ]


def _steps(addresses: Sequence[str]) -> str:
    """The steps of one point, by block where there are several."""
    steps: dict[str, list[str]] = {}
    for address in addresses:
        block, step = address.split("/", 1)
        steps.setdefault(block.split("@")[0].partition(".")[2], []).append(step)
    if len(steps) == 1:
        return ", ".join(*steps.values())
    return "; ".join(f"{block}: {', '.join(own)}" for block, own in steps.items())


def table_lines(found: SweepTable, style: Style) -> list[str]:
    """Points down, what was chosen and their metrics across; why one failed stands below."""
    gates = any(point.gates for point in found.points)
    models = {name.rpartition(".")[0] for name in found.metrics}
    heads = ["point", *short_names(found.keys), *short_names(found.metrics)]
    plain = all(point.status == "done" for point in found.points) and not gates
    rows = []
    for point in found.points:
        choices, metrics = dict(point.choices), dict(point.metrics)
        row: list[Cell | str] = [
            str(point.number),
            *(shown_value(choices.get(key)) if key in choices else "" for key in found.keys),
            *(number(metrics.get(name)) for name in found.metrics),
        ]
        rows.append(row if plain else [*row, _verdict(point, gates, len(models) > 1)])
    width = len(found.keys)
    right = (0, *range(1 + width, 1 + width + len(found.metrics)))
    lines = table(heads if plain else [*heads, ""], rows, style, right=right)
    failed = [point for point in found.points if point.status == "failed"]
    lines += [
        f"  point {point.number} failed: {cut(visible(point.reason), 160)}" for point in failed[:20]
    ]
    if len(failed) > 20:
        lines.append(f"  and {len(failed) - 20} more failed")
    return lines


def _verdict(point: PointRow, gated: bool, several: bool) -> Cell:
    """How a point ended; the gates that it missed, with their model where there are several."""
    if point.status != "done":
        return Cell(point.status, _TONES[point.status])
    if not point.gates:
        return Cell("gates passed" if gated else "done", "good")
    if len(point.gates) > 2:
        return Cell(f"missed {len(point.gates)} gates", "error")
    texts = [gate if several else gate.partition(": ")[2] for gate in point.gates]
    return Cell(f"missed {', '.join(texts)}", "error")
