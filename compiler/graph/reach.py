"""How far columns reach: where each comes from and where it goes, across blocks.

Steps inside a block are folded: a column that a block reads, cleans, splits and
publishes under one name is one *spot*. So the graph to ask is the one that the
spec wrote down, before steps of several blocks are shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeAlias

from msgspec import Struct, field

from compiler.diagnostics import Place
from compiler.graph.lineage import Derivation, Flow, stronger
from compiler.graph.node import Node
from compiler.graph.operations import Clean, FitFeatures, Query
from compiler.graph.types import Column


class Spot(Struct, frozen=True, order=True):
    """A name inside a block: ``delay`` of ``sources.flights``, ``features.wind`` of a model."""

    block: str
    name: str

    def __str__(self) -> str:
        return f"{self.block}.{self.name}"


class Made(Struct, frozen=True):
    """How a column is computed: an expression or a kind of cleaning step, and where it stands."""

    text: str
    place: Place


class Known(Struct):
    """What is known of a spot.

    Attributes:
        kind: column, feature, target, answer, slice, fairness, request, response, profile, monitor.
        column: Its type, whether it may be null, its tags; None where it is no column.
        made: How it is computed, in the order of the steps.
        stated: Where the spec names it, if it does: a source's column, a feature.
        sure: Whether the way to it could be followed.
    """

    kind: str
    column: Column | None = None
    made: list[Made] = field(default_factory=list)
    stated: Place | None = None
    sure: bool = True


Edges: TypeAlias = dict[Spot, dict[Spot, Flow]]


class Reach(Struct, dict=True):
    """All spots of a graph with what they come from, as ``reach_of`` fills it in.

    ``rows`` has for each block what decides which rows its table has, and how.
    """

    spots: dict[Spot, Known] = field(default_factory=dict)
    above: Edges = field(default_factory=dict)
    rows: dict[str, dict[tuple[Spot, Flow], None]] = field(default_factory=dict)

    @cached_property
    def below(self) -> Edges:
        """For each spot what comes from it."""
        found: Edges = {}
        for target, sources in self.above.items():
            for source, flow in sources.items():
                found.setdefault(source, {})[target] = flow
        return found

    @cached_property
    def decides(self) -> dict[Spot, list[tuple[str, Flow]]]:
        """For each spot the blocks whose rows it decides about, and how."""
        found: dict[Spot, list[tuple[str, Flow]]] = {}
        for block, origins in self.rows.items():
            for spot, flow in origins:
                found.setdefault(spot, []).append((block, flow))
        return found

    def add(self, spot: Spot, kind: str, column: Column | None = None) -> Known:
        """The spot's entry; what a later step makes of the column stands."""
        known = self.spots.setdefault(spot, Known(kind))
        known.column = column if column is not None else known.column
        return known

    def link(self, source: Spot, target: Spot, flow: Flow) -> None:
        """One spot comes from another; of several ways the one that changes most is told."""
        sources = self.above.setdefault(target, {})
        sources[source] = stronger(flow, sources.get(source, Flow.IDENTITY))


def closure(start: Iterable[Spot], edges: Mapping[Spot, Iterable[Spot]]) -> dict[Spot, None]:
    """The spots and all that they lead to, the nearest first."""
    seen = dict.fromkeys(start)
    waiting = list(seen)
    for spot in waiting:
        for further in edges.get(spot, ()):
            if further not in seen:
                seen[further] = None
                waiting.append(further)
    return seen


def link(
    found: Reach, nodes: Mapping[str, Node], node: Node, spot: Spot, derived: Derivation
) -> None:
    """Link a spot of a node to what it comes from; a step inside the block only adds its place."""
    known, computed = found.spots[spot], False
    for source, flow in _sources(nodes, node, derived):
        if source == spot:
            computed |= flow is not Flow.IDENTITY
        elif flow.carries:
            computed |= flow is not Flow.IDENTITY
            found.link(source, spot, flow)
        else:
            found.rows.setdefault(spot.block, {})[source, flow] = None
    computed |= not derived.origins
    if computed and derived.place is not None:
        made = Made(text_of(node, derived), derived.place)
        known.made += [made] if made.text and made not in known.made else []


def text_of(node: Node, derived: Derivation) -> str:
    """What the spec says of a column, on one line."""
    operation, place, text = node.operation, derived.place, ""
    if place is None:
        return text
    if isinstance(operation, Query) and place.within is not None:
        text = operation.sql[place.within.offset :][: place.within.length]
    elif isinstance(operation, Clean):
        text = str(place.path[4]) if len(place.path) > 4 else ""
    elif isinstance(operation, FitFeatures):
        text = next((f.expression for f in operation.features if f.name == derived.column), "")
    return " ".join(text.split())


def _sources(
    nodes: Mapping[str, Node], node: Node, derived: Derivation
) -> Iterator[tuple[Spot, Flow]]:
    inputs = dict(node.inputs)
    for origin in derived.origins:
        yield Spot(nodes[inputs[origin.input].node].block, origin.column), origin.flow
