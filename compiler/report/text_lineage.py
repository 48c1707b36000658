"""Column lineage as text: a tree of what a column comes from, and one of where it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from compiler.graph.lineage import Flow
from compiler.graph.reach import Edges, Spot, closure
from compiler.report.lineage_told import Told
from compiler.report.text_style import Style, cut, plural, table, visible

BESIDE = 20
"""Columns that are told beside each other under one,"""
DEEP = 24
"""how many below each other,"""
LINES = 120
"""and how many in all."""
WIDEST = 72
COLUMNS = 100

_HOW = {Flow.AGGREGATION: "aggregated", Flow.WINDOW: "orders or divides the window"}


def spot_lines(told: Told, spot: Spot, style: Style) -> list[str]:
    """Everything about one column: itself, both trees, what decides about its rows."""
    reach = told.reach
    lines = [_line(told, spot, style), ""]
    for head, edges in (("comes from", reach.above), ("goes to", reach.below)):
        tree = _Tree(told, edges, head == "comes from", style).lines(spot)
        lines += [style.paint(head, "bold"), *(tree or ["  nothing"]), ""]
    lines += _rows(told, spot, style)
    return lines[:-1] if not lines[-1] else lines


def block_lines(told: Told, spots: Sequence[Spot], style: Style) -> list[str]:
    """A block's columns, each with what is one step up and one step down."""
    reach = told.reach
    rows = [
        [
            spot.name,
            _type(told, spot),
            ", ".join(_tags(told, spot)),
            _few(reach.above.get(spot, {})),
            _few(reach.below.get(spot, {})),
        ]
        for spot in spots[:COLUMNS]
    ]
    heads = ("column", "type", "tags", "comes from", "goes to")
    at = [n for n in range(len(heads)) if n != 2 or any(row[2] for row in rows)]
    grid = [[row[n] for n in at] for row in rows]
    head = f"{style.paint(spots[0].block, 'bold')}: {plural(len(spots), 'column')}"
    lines = [head, *table([heads[n] for n in at], grid, style, widest=WIDEST)]
    left = len(spots) - len(rows)
    return [*lines, *([f"  … and {left} more"] if left > 0 else [])]


def _few(spots: Mapping[Spot, Flow]) -> str:
    names = [str(spot) for spot in spots]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{cut(names[0], WIDEST - len(more))}{more}" if names else ""


class _Branch(Struct, frozen=True):
    """A line of a tree that is still to be written: a spot, and how it hangs together."""

    spot: Spot
    how: str
    depth: int
    lead: str
    last: bool


class _Tree(Struct, frozen=True):
    """What one tree is drawn from; ``upward`` are the edges to what a spot comes from."""

    told: Told
    edges: Edges
    upward: bool
    style: Style

    def lines(self, root: Spot) -> list[str]:
        """Its lines, without recursion; what was told above is not told again."""
        lines: list[str] = []
        seen: set[Spot] = {root}
        waiting = self._below(root, 0, "")
        while waiting and len(lines) < LINES:
            here = waiting.pop()
            if isinstance(here, str):
                lines.append(here)
                continue
            further = bool(self.edges.get(here.spot))
            again, deep = further and here.spot in seen, further and here.depth >= DEEP
            lines.append(self._line(here, "see above" if again else "…" if deep else ""))
            if not (again or deep):
                lead = here.lead + ("   " if here.last else "│  ")
                waiting += self._below(here.spot, here.depth + 1, lead)
            seen.add(here.spot)
        return [*lines, *self._left(len(closure((root,), self.edges)) - len(seen))]

    def _below(self, spot: Spot, depth: int, lead: str) -> list[_Branch | str]:
        """The branches under a spot, the last one first."""
        found = list(self.edges.get(spot, {}).items())
        shown, left = found[:BESIDE], len(found) - BESIDE
        branches: list[_Branch | str] = [
            _Branch(further, self._how(spot, further, flow), depth, lead, False)
            for further, flow in shown
        ]
        if left > 0:
            branches.append(f"{lead}└─ … and {left} more")
        elif branches:
            further, flow = shown[-1]
            branches[-1] = _Branch(further, self._how(spot, further, flow), depth, lead, True)
        return branches[::-1]

    def _how(self, spot: Spot, further: Spot, flow: Flow) -> str:
        spots = self.told.reach.spots
        source, target = (further, spot) if self.upward else (spot, further)
        if spots[source].kind == "target":
            return "learned from" if self.upward else "learned"
        return "compared" if spots[target].kind == "monitor" else _HOW.get(flow, "")

    def _line(self, here: _Branch, mark: str) -> str:
        style = self.style
        stem = style.paint(here.lead + ("└─ " if here.last else "├─ "), "dim")
        again = mark == "see above"
        line = _name(here.spot, style) if again else _line(self.told, here.spot, style)
        words = ", ".join(word for word in (here.how, mark) if word)
        return stem + line + (f"  {style.paint(f'({words})', 'dim')}" if words else "")

    def _left(self, left: int) -> list[str]:
        more = f"  … and {left} more {'up' if self.upward else 'down'} the way"
        return [self.style.paint(f"{more}: --format json has all", "dim")] if left > 0 else []


def _name(spot: Spot, style: Style) -> str:
    return style.paint(visible(str(spot)), "bold")


def _line(told: Told, spot: Spot, style: Style) -> str:
    """A spot with its type, tags, expression and place."""
    parts = [_name(spot, style), _type(told, spot)]
    parts += [style.paint(visible(tag), "warning") for tag in _tags(told, spot)]
    made = told.made(spot)
    if made:
        parts.append("= " + cut(visible(", then ".join(text for text, _ in made)), WIDEST))
        parts.append(style.paint(str(made[-1][1]), "dim"))
    elif (span := told.stated(spot)) is not None:
        parts.append(style.paint(str(span), "dim"))
    if not told.reach.spots[spot].sure:
        parts.append(style.paint("its SQL cannot be followed", "warning"))
    return "  ".join(part for part in parts if part)


def _type(told: Told, spot: Spot) -> str:
    column = told.reach.spots[spot].column
    if column is None:
        return ""
    return f"{column.type} or null" if column.nullable else str(column.type)


def _tags(told: Told, spot: Spot) -> tuple[str, ...]:
    column = told.reach.spots[spot].column
    return column.tags if column else ()


def _rows(told: Told, spot: Spot, style: Style) -> list[str]:
    """What decides which rows there are, and whose rows the column decides about."""
    reach = told.reach
    blocks = dict.fromkeys(s.block for s in closure((spot,), reach.above))
    found = [
        f"  {_joined(block, by)}" for block in blocks if (by := _by_flow(reach.rows.get(block, ())))
    ]
    lines = [style.paint("rows are decided by", "bold"), *_bounded(found), ""] if found else []
    decides = [f"  {flow} of {block}" for block, flow in reach.decides.get(spot, ())]
    if decides:
        lines += [style.paint("decides about rows", "bold"), *_bounded(decides), ""]
    return lines


def _by_flow(origins: Iterable[tuple[Spot, Flow]]) -> dict[Flow, list[str]]:
    found: dict[Flow, list[str]] = {}
    for spot, flow in origins:
        found.setdefault(flow, []).append(str(spot))
    return found


def _joined(block: str, by: Mapping[Flow, list[str]]) -> str:
    told = "; ".join(f"{flow} {_names(names)}" for flow, names in by.items())
    return f"{block}: {told}"


def _names(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(visible, names[:most])) + more


def _bounded(lines: Iterable[str]) -> list[str]:
    found = list(lines)
    left = len(found) - BESIDE
    return [*found[:BESIDE], *([f"  … and {left} more"] if left > 0 else [])]
