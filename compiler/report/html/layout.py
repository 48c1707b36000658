"""Where everything of the graph's picture goes: a card per block, columns by depth.

A block's card lists its steps from top to bottom. Cards stand in columns by
the longest way from a source; an edge that passes columns goes through slots
kept free for it. Within a column the order follows the neighbours' middle.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias

from msgspec import Struct

from compiler.graph.node import Graph, Node
from compiler.report.html.depth import columns

WIDTH = 176.0
GAP = 64.0
HEAD = 38.0
STEP = 24.0
PAD = 6.0
ROOM = 18.0
MARGIN = 12.0
SLOT = 6.0
SWEEPS = 12

Cell: TypeAlias = tuple[str, ...]
"""A block, ``(block,)``, or the slot of an edge in a column, ``(from, to, column)``."""


class Spot(Struct, frozen=True):
    """A step inside its block's card; ``y`` is the middle of its line."""

    address: str
    label: str
    x: float
    y: float


class Card(Struct, frozen=True):
    """A block: its top left corner, its size, its steps."""

    block: str
    x: float
    y: float
    height: float
    spots: tuple[Spot, ...]


class Wire(Struct, frozen=True):
    """An edge between two steps, through ``points``."""

    source: str
    target: str
    points: tuple[tuple[float, float], ...]


class Picture(Struct, frozen=True):
    """The whole picture; lengths in pixels."""

    width: float
    height: float
    cards: tuple[Card, ...]
    wires: tuple[Wire, ...]


def laid_out(graph: Graph) -> Picture:
    """Lay the graph out; the same graph gives the same picture."""
    blocks: dict[str, list[Node]] = defaultdict(list)
    for node in graph:
        blocks[node.block].append(node)
    edges = _block_edges(graph)
    column = columns(list(blocks), edges)
    cells, links = _with_slots(blocks, edges, column)
    _order(cells, links)
    tall: dict[Cell, float] = {
        (block,): HEAD + STEP * len(nodes) + PAD for block, nodes in blocks.items()
    }
    tops = _placed(cells, links, tall)
    cards = tuple(_card(block, blocks[block], column[block], tops) for block in blocks)
    spots = {spot.address: spot for card in cards for spot in card.spots}
    wires = tuple(_wires(graph, spots, column, tops))
    width = 2 * MARGIN + len(cells) * WIDTH + max(0, len(cells) - 1) * GAP
    height = max((card.y + card.height for card in cards), default=0.0)
    slots = max((top for cell, top in tops.items() if len(cell) > 1), default=0.0)
    return Picture(max(width, WIDTH), max(height, slots) + MARGIN, cards, wires)


def _block_edges(graph: Graph) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    for node in graph:
        for _, ref in node.inputs:
            source = graph.by_address[ref.node].block
            if source != node.block:
                found[source, node.block] = None
    return list(found)


def _with_slots(
    blocks: dict[str, list[Node]], edges: list[tuple[str, str]], column: dict[str, int]
) -> tuple[list[list[Cell]], list[tuple[Cell, Cell]]]:
    """Cells per column, and the links between cells of neighbouring columns."""
    cells: list[list[Cell]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for block in blocks:
        cells[column[block]].append((block,))
    links: list[tuple[Cell, Cell]] = []
    for source, target in edges:
        before: Cell = (source,)
        for number in range(column[source] + 1, column[target]):
            slot = (source, target, str(number))
            cells[number].append(slot)
            links.append((before, slot))
            before = slot
        if column[source] < column[target]:
            links.append((before, (target,)))
    return cells, links


def _order(cells: list[list[Cell]], links: list[tuple[Cell, Cell]]) -> None:
    """Sort each column by the middle of its neighbours, there and back; keep the best."""
    left: dict[Cell, list[Cell]] = defaultdict(list)
    right: dict[Cell, list[Cell]] = defaultdict(list)
    for source, target in links:
        right[source].append(target)
        left[target].append(source)
    best, fewest = [list(column) for column in cells], _crossings(cells, right)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        forward = sweep % 2 == 0
        numbers = range(1, len(cells)) if forward else range(len(cells) - 2, -1, -1)
        for number in numbers:
            beside = cells[number - 1 if forward else number + 1]
            _sort(cells[number], beside, left if forward else right)
        crossings = _crossings(cells, right)
        if crossings < fewest:
            best, fewest = [list(column) for column in cells], crossings
    cells[:] = best


def _sort(column: list[Cell], beside: list[Cell], neighbours: dict[Cell, list[Cell]]) -> None:
    place = {cell: number for number, cell in enumerate(beside)}
    own = {cell: float(number) for number, cell in enumerate(column)}

    def middle(cell: Cell) -> float:
        found = [place[n] for n in neighbours[cell] if n in place]
        return sum(found) / len(found) if found else own[cell]

    column.sort(key=lambda cell: (middle(cell), own[cell]))


def _crossings(cells: list[list[Cell]], right: dict[Cell, list[Cell]]) -> int:
    """How many pairs of links between neighbouring columns cross: inversions, by a tree."""
    total = 0
    for number, column in enumerate(cells[:-1]):
        place = {cell: at for at, cell in enumerate(cells[number + 1])}
        ends = [e for cell in column for e in sorted(place[t] for t in right[cell] if t in place)]
        total += _inversions(ends, len(place))
    return total


def _inversions(ends: list[int], size: int) -> int:
    tree, total = [0] * (size + 1), 0
    for seen, end in enumerate(ends):
        at, smaller = end + 1, 0
        while at:
            smaller += tree[at]
            at &= at - 1
        total += seen - smaller
        at = end + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return total


def _placed(
    cells: list[list[Cell]], links: list[tuple[Cell, Cell]], tall: dict[Cell, float]
) -> dict[Cell, float]:
    """Tops of cards and slots: drawn towards their neighbours, never over each other."""
    near: dict[Cell, list[Cell]] = defaultdict(list)
    for source, target in links:
        near[source].append(target)
        near[target].append(source)
    tops: dict[Cell, float] = {}
    for column in cells:
        top = MARGIN
        for cell in column:
            tops[cell] = top
            top += tall.get(cell, SLOT) + ROOM
    for _ in range(SWEEPS):
        for column in [*cells, *reversed(cells)]:
            _settle(column, near, tall, tops)
    lift = min((top for top in tops.values()), default=MARGIN) - MARGIN
    return {cell: top - lift for cell, top in tops.items()}


def _settle(
    column: list[Cell],
    near: dict[Cell, list[Cell]],
    tall: dict[Cell, float],
    tops: dict[Cell, float],
) -> None:
    """Move a column's cells to where their neighbours want them, as groups that touch."""
    groups: list[tuple[float, float, list[Cell]]] = []
    for cell in column:
        height = tall.get(cell, SLOT)
        middles = [tops[n] + tall.get(n, SLOT) / 2 for n in near[cell]]
        wish = sum(middles) / len(middles) - height / 2 if middles else tops[cell]
        group = (wish, height, [cell])
        while groups and groups[-1][0] + groups[-1][1] + ROOM > group[0]:
            group = _joined(groups.pop(), group)
        groups.append(group)
    for top, _, members in groups:
        at = top
        for cell in members:
            tops[cell] = at
            at += tall.get(cell, SLOT) + ROOM


def _joined(
    above: tuple[float, float, list[Cell]], below: tuple[float, float, list[Cell]]
) -> tuple[float, float, list[Cell]]:
    """Two groups as one, where both are moved least."""
    shifted = below[0] - above[1] - ROOM
    count = len(above[2]), len(below[2])
    top = (above[0] * count[0] + shifted * count[1]) / (count[0] + count[1])
    return top, above[1] + ROOM + below[1], above[2] + below[2]


def _left(column: int) -> float:
    return MARGIN + column * (WIDTH + GAP)


def _card(block: str, nodes: list[Node], column: int, tops: dict[Cell, float]) -> Card:
    x, y = _left(column), tops[block,]
    spots = tuple(
        Spot(node.address, node.step, x, y + HEAD + STEP * (number + 0.5))
        for number, node in enumerate(nodes)
    )
    return Card(block, x, y, HEAD + STEP * len(nodes) + PAD, spots)


def _wires(
    graph: Graph, spots: dict[str, Spot], column: dict[str, int], tops: dict[Cell, float]
) -> list[Wire]:
    found: dict[tuple[str, str], Wire] = {}
    for node in graph:
        for _, ref in node.inputs:
            source = graph.by_address[ref.node]
            start, end = spots[source.address], spots[node.address]
            middle: list[tuple[float, float]] = []
            for number in range(column[source.block] + 1, column[node.block]):
                y = tops[source.block, node.block, str(number)] + SLOT / 2
                middle += [(_left(number), y), (_left(number) + WIDTH, y)]
            points = ((start.x + WIDTH, start.y), *middle, (end.x, end.y))
            found[source.address, node.address] = Wire(source.address, node.address, points)
    return list(found.values())
