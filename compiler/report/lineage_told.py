"""Lineage with its places found: what text, JSON and the page tell of a spot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from msgspec import Struct

from compiler.diagnostics import Place
from compiler.graph.reach import Reach, Spot, closure
from compiler.report.diagnostics import span_json
from compiler.source import Span


class Spans(Protocol):
    """What knows where a place was written."""

    def span(self, place: Place) -> Span | None:
        """The span of a place."""


class Told(Struct, frozen=True):
    """A reach, and what finds its places."""

    reach: Reach
    spans: Spans

    def made(self, spot: Spot) -> list[tuple[str, Span]]:
        """How a spot is computed: each expression, and where it stands."""
        known = self.reach.spots[spot]
        found = ((made.text, self.spans.span(made.place)) for made in known.made)
        return [(text, span) for text, span in found if span is not None]

    def stated(self, spot: Spot) -> Span | None:
        """Where the spec names a source's column or a feature."""
        place = self.reach.spots[spot].stated
        return self.spans.span(place) if place is not None else None


def document(told: Told, asked: Iterable[Spot]) -> dict[str, Any]:
    """The spots that were asked for with everything they come from and go to.

    ``nodes`` and ``edges`` are sorted; ``rows`` says what decides which rows
    the blocks of the nodes have.
    """
    reach, start = told.reach, tuple(asked)
    spots = sorted({**closure(start, reach.above), **closure(start, reach.below)})
    known = set(spots)
    blocks = sorted({spot.block for spot in spots})
    return {
        "asked": [str(spot) for spot in start],
        "nodes": [_node(told, spot) for spot in spots],
        "edges": [
            {"from": str(source), "to": str(spot), "flow": str(flow)}
            for spot in spots
            for source, flow in sorted(reach.above.get(spot, {}).items())
            if source in known
        ],
        "rows": [
            {"of": block, "by": str(spot), "flow": str(flow)}
            for block in blocks
            for spot, flow in sorted(reach.rows.get(block, ()))
        ],
    }


def _node(told: Told, spot: Spot) -> dict[str, Any]:
    known = told.reach.spots[spot]
    column = known.column
    return {
        "id": str(spot),
        "block": spot.block,
        "name": spot.name,
        "kind": known.kind,
        "type": str(column.type) if column else None,
        "nullable": column.nullable if column else None,
        "tags": list(column.tags) if column else [],
        "followed": known.sure,
        "computed": [{"text": text, "span": span_json(span)} for text, span in told.made(spot)],
        "span": span_json(told.stated(spot)),
    }
