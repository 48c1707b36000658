"""The graph as a picture: cards of steps, coloured by what runs them, marked by how they went."""

from __future__ import annotations

from markupsafe import Markup

from compiler.graph.node import Graph
from compiler.report.html.layout import HEAD, STEP, WIDTH, Card, Spot, Wire, laid_out
from compiler.report.html.svg import frame, joined, tag
from compiler.report.html.words import cut, figure, short
from compiler.report.text_style import seconds
from compiler.report.view import NodeView, RunView

MARKS = {"done": "✓", "kept": "✓", "failed": "✗", "skipped": "–"}
MOST = 1500
"""Steps beyond which a picture is no help and only the table is given."""


def picture(run: RunView) -> Markup:
    """The graph's picture; empty for a graph without nodes or with more than ``MOST``."""
    if not 0 < len(run.graph) <= MOST:
        return Markup("")
    laid = laid_out(run.graph)
    body = joined(_wire(wire) for wire in laid.wires)
    body += joined(_card(card, run) for card in laid.cards)
    label = f"Graph of {len(run.graph)} steps in {len(laid.cards)} blocks"
    return frame(laid.width, laid.height, label, body, "graph")


def _wire(wire: Wire) -> Markup:
    return tag(
        '<path class="wire" d="{d}"><title>{a} → {b}</title></path>',
        d=_bent(wire.points), a=wire.source, b=wire.target,
    )  # fmt: skip


def _bent(points: tuple[tuple[float, float], ...]) -> str:
    """Level at both ends of every stretch; steps of one card are joined by an arc beside it."""
    (x, y), (end_x, end_y) = points[0], points[-1]
    if len(points) == 2 and end_x < x:
        if end_x == x - WIDTH:
            out = x + min(30.0, 8 + abs(end_y - y) / 8)
            return f"M{x:.1f} {y:.1f}C{out:.1f} {y:.1f} {out:.1f} {end_y:.1f} {x:.1f} {end_y:.1f}"
        back = f"C{x + 50:.1f} {y:.1f} {end_x - 50:.1f} {end_y:.1f}"
        return f"M{x:.1f} {y:.1f}{back} {end_x:.1f} {end_y:.1f}"
    d = f"M{x:.1f} {y:.1f}"
    for nx, ny in points[1:]:
        middle = (x + nx) / 2
        d += f"C{middle:.1f} {y:.1f} {middle:.1f} {ny:.1f} {nx:.1f} {ny:.1f}"
        x, y = nx, ny
    return d


def _card(card: Card, run: RunView) -> Markup:
    kind, _, name = card.block.partition(".")
    return tag(
        '<g class="card"><rect class="plate" x="{x}" y="{y}" width="{w}" height="{h}" rx="7"/>'
        '<text class="kind" x="{t}" y="{ky}">{kind}</text>'
        '<text class="name" x="{t}" y="{ny}"><title>{block}</title>{name}</text>'
        "{steps}</g>",
        x=card.x, y=card.y, w=WIDTH, h=card.height, t=card.x + 9, ky=card.y + 14,
        ny=card.y + HEAD - 9, kind=kind, name=cut(name, 22), block=card.block,
        steps=joined(_step(spot, run) for spot in card.spots),
    )  # fmt: skip


def _step(spot: Spot, run: RunView) -> Markup:
    others = run.graph.others.get(spot.address, ())
    times = f" ×{len(others) + 1}" if others else ""
    label = cut(spot.label, 20 - len(times)) + times
    node = run.graph.by_address[spot.address]
    view = run.node(spot.address)
    return tag(
        '<g class="step {status}" data-address="{address}"><title>{told}</title>'
        '<rect class="row" x="{x}" y="{y}" width="{w}" height="{h}" rx="4"/>'
        '<rect class="stripe {capability}" x="{x}" y="{y}" width="4" height="{h}" rx="2"/>'
        '<text class="label" x="{t}" y="{ty}">{label}</text>'
        '<text class="state" x="{e}" y="{ty}" text-anchor="end">{mark}</text></g>',
        status=view.status if view.status.isalpha() else "other", address=spot.address,
        told=_told(spot.address, run.graph, view), x=spot.x + 6, w=WIDTH - 12,
        y=spot.y - STEP / 2 + 1.5, h=STEP - 3, t=spot.x + 17, e=spot.x + WIDTH - 13,
        ty=spot.y + 4, capability=node.operation.capability, label=label,
        mark=MARKS.get(view.status, "○"),
    )  # fmt: skip


def _told(address: str, graph: Graph, view: NodeView) -> str:
    """Everything worth knowing of a step, for its tooltip."""
    node = graph.by_address[address]
    lines = [
        address,
        *(f"and {other}, which is the same step" for other in graph.others.get(address, ())),
    ]
    lines += [f"{type(node.operation).__name__} · {node.operation.capability}"]
    lines.append(view.status + (f" in {seconds(view.seconds)}" if view.seconds else ""))
    lines += [f"{name}: {figure(value)}" for name, value in view.summary.items()
              if isinstance(value, str | int | float)]  # fmt: skip
    if view.key:
        lines.append(f"key {short(view.key)}")
    return "\n".join([*lines, *([view.detail] if view.detail else [])])
