"""A model's column lineage as a picture: a card per block, a row per column, wires between rows.

Pointing at a row shows its whole way up and down without a script: the places to
point at come first in the picture, and a rule for each of them reaches its later siblings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from markupsafe import Markup
from msgspec import Struct

from compiler.graph.reach import Spot, closure
from compiler.report.html.depth import columns as depths
from compiler.report.html.svg import frame, joined, tag
from compiler.report.html.words import cut
from compiler.report.page_columns import Knot, ModelColumns

WIDTH, GAP, HEAD, ROW, PAD, ROOM, MARGIN = 220.0, 76.0, 38.0, 21.0, 6.0, 16.0, 10.0
MOST = 2500
"""Wires beyond which a picture is no help."""
MARKED = 60_000
"""Marks for the ways, over all rows, beyond which pointing shows only a tooltip."""


class _Laid(Struct, frozen=True):
    """Where everything goes: each card's corner and rows in order, each row's middle."""

    cards: dict[str, tuple[float, float, list[Knot]]]
    middles: dict[Spot, tuple[float, float]]
    width: float
    height: float


def column_picture(model: ModelColumns, number: int) -> Markup:
    """The picture; empty without knots, or with more ties than anyone can follow.

    ``number`` tells the pictures of a page from each other.
    """
    if not model.knots or len(model.ties) > MOST:
        return Markup("")
    laid = _laid(model)
    ways = _ways(model)
    name = {knot.spot: f"c{number}-{at}" for at, knot in enumerate(model.knots)}
    marks: dict[Spot, list[str]] = defaultdict(list)
    for spot, way in ways.items():
        for other in way:
            marks[other].append(name[spot])
    body = _rules([name[spot] for spot in ways])
    body += joined(_target(knot, laid, name[knot.spot]) for knot in model.knots)
    body += joined(_wires(model, laid, marks))
    body += joined(_card(block, laid, marks) for block in laid.cards)
    label = f"Columns that the features of {model.block} come from: {len(model.knots)}"
    return frame(laid.width, laid.height, label, body, "columns-picture")


def _ways(model: ModelColumns) -> dict[Spot, set[Spot]]:
    """For each row all rows on its way; nothing where that would be too much."""
    above: dict[Spot, list[Spot]] = defaultdict(list)
    below: dict[Spot, list[Spot]] = defaultdict(list)
    for source, target, _ in model.ties:
        above[target].append(source)
        below[source].append(target)
    found: dict[Spot, set[Spot]] = {}
    total = 0
    for knot in model.knots:
        spot = knot.spot
        found[spot] = {*closure((spot,), above), *closure((spot,), below)}
        total += len(found[spot])
        if total > MARKED:
            return {}
    return found


def _rules(names: Iterable[str]) -> Markup:
    """What lights up when a row is pointed at; the names are of our own making."""
    rules = "".join(
        f".{name}:hover~.wire.{name}{{stroke:var(--now);stroke-opacity:1;stroke-width:2.2}}"
        f".{name}:hover~.back.{name}{{fill:var(--warning-back)}}"
        for name in names
    )
    return tag("<style>{rules}</style>", rules=Markup(rules))  # noqa: S704


def _laid(model: ModelColumns) -> _Laid:
    blocks: dict[str, list[Knot]] = defaultdict(list)
    for knot in model.knots:
        blocks[knot.spot.block].append(knot)
    edges = {(s.block, t.block): None for s, t, _ in model.ties if s.block != t.block}
    order = list(blocks)[::-1]
    place = depths(order, list(edges))
    last = max(place.values(), default=0)
    below: dict[Spot, list[Spot]] = defaultdict(list)
    for source, target, _ in model.ties:
        below[source].append(target)
    laid = _Laid({}, {}, 2 * MARGIN + (last + 1) * WIDTH + last * GAP, 0.0)
    heights = [
        _stacked(laid, number, [(b, blocks[b]) for b in order if place[b] == number], below)
        for number in range(last, -1, -1)
    ]
    return _Laid(laid.cards, laid.middles, laid.width, max(heights) + MARGIN)


def _stacked(
    laid: _Laid, number: int, column: list[tuple[str, list[Knot]]], below: dict[Spot, list[Spot]]
) -> float:
    """Place one column's cards, rows and cards in the order of what they lead to; its height."""

    def wish(knots: Sequence[Knot]) -> float:
        found = [laid.middles[t][1] for k in knots for t in below[k.spot] if t in laid.middles]
        return sum(found) / len(found) if found else 0.0

    end = MARGIN
    for block, knots in sorted(column, key=lambda pair: wish(pair[1])):
        rows = sorted(knots, key=lambda knot: wish([knot]))
        x, height = MARGIN + number * (WIDTH + GAP), HEAD + ROW * len(rows) + PAD
        top = max(end, wish(rows) - height / 2)
        laid.cards[block] = (x, top, rows)
        for at, knot in enumerate(rows):
            laid.middles[knot.spot] = (x, top + HEAD + ROW * (at + 0.5))
        end = top + height + ROOM
    return end - ROOM


def _target(knot: Knot, laid: _Laid, name: str) -> Markup:
    """Where a row is pointed at."""
    x, y = laid.middles[knot.spot]
    return tag(
        '<rect class="hit {name}" x="{x}" y="{y}" width="{w}" height="{h}">'
        "<title>{told}</title></rect>",
        name=name, x=x, y=y - ROW / 2, w=WIDTH, h=ROW, told="\n".join(knot.told),
    )  # fmt: skip


def _wires(model: ModelColumns, laid: _Laid, marks: dict[Spot, list[str]]) -> Iterable[Markup]:
    for source, target, flow in model.ties:
        (x, y), (end_x, end_y) = laid.middles[source], laid.middles[target]
        x += WIDTH
        middle = max(30.0, (end_x - x) / 2)
        shared = set(marks[source]) & set(marks[target])
        yield tag(
            '<path class="wire {flow} {marks}" d="M{x} {y}C{a} {y} {b} {v} {u} {v}"/>',
            flow=str(flow).lower(), marks=" ".join(m for m in marks[source] if m in shared),
            x=x, y=y, a=x + middle, b=end_x - middle, u=end_x, v=end_y,
        )  # fmt: skip


def _card(block: str, laid: _Laid, marks: dict[Spot, list[str]]) -> Markup:
    x, y, rows = laid.cards[block]
    kind, _, name = block.partition(".")
    return tag(
        '<rect class="plate" x="{x}" y="{y}" width="{w}" height="{h}" rx="7"/>'
        '<text class="kind" x="{t}" y="{ky}">{kind}</text>'
        '<text class="name" x="{t}" y="{ny}">{name}</text>{rows}',
        x=x, y=y, w=WIDTH, h=HEAD + ROW * len(rows) + PAD, t=x + 9, ky=y + 14, ny=y + HEAD - 9,
        kind=kind, name=cut(name, 28),
        rows=joined(_row(knot, laid, marks[knot.spot]) for knot in rows),
    )  # fmt: skip


def _row(knot: Knot, laid: _Laid, marks: list[str]) -> Markup:
    x, y = laid.middles[knot.spot]
    name = knot.spot.name.removeprefix("features.")
    chip = cut(knot.tags[0], 13) + ("…" if len(knot.tags) > 1 else "") if knot.tags else ""
    width = 6.2 * len(chip) + 10
    end = tag(
        '<rect class="chip" x="{cx}" y="{cy}" width="{cw}" height="15" rx="7.5"/>'
        '<text class="chipped" x="{tx}" y="{ty}">{chip}</text>',
        cx=x + WIDTH - 10 - width, cy=y - 7.5, cw=width, tx=x + WIDTH - 5 - width, ty=y + 3.5,
        chip=chip,
    ) if chip else tag(
        '<text class="kind" x="{tx}" y="{ty}" text-anchor="end">{type}</text>',
        tx=x + WIDTH - 10, ty=y + 3.5,
        type="target" if knot.kind == "target" else cut(knot.type, 14),
    )  # fmt: skip
    return tag(
        '<rect class="back {marks}" x="{x}" y="{y}" width="{w}" height="{h}" rx="4"/>'
        '<text class="label" x="{t}" y="{ty}">{name}</text>{end}',
        marks=" ".join(marks), x=x + 4, y=y - ROW / 2 + 1, w=WIDTH - 8, h=ROW - 2, t=x + 10,
        ty=y + 4, name=cut(name, 15 if chip else 22), end=end,
    )  # fmt: skip
