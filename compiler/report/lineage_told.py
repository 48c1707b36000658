"""Lineage with its places found and its expressions read: what text and JSON tell of a spot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from msgspec import Struct

from compiler.diagnostics import Place
from compiler.graph.reach import Reach, Spot, closure
from compiler.report.diagnostics import span_json
from compiler.source import Sources, Span

_LINES = 20
"""Lines of an expression beyond which its rest is left out."""


class Spans(Protocol):
    """What knows where a place was written."""

    def span(self, place: Place) -> Span | None:
        """The span of a place."""


class Told(Struct, frozen=True):
    """A reach, and what finds the words of the spec for it."""

    reach: Reach
    spans: Spans
    sources: Sources

    def made(self, spot: Spot) -> list[tuple[str, Span]]:
        """How a spot is computed: each expression as it was written, and where."""
        found = []
        for place in self.reach.spots[spot].made:
            span = self.spans.span(place)
            if span is not None:
                found.append((_step(place) or written(self.sources, span), span))
        return found

    def stated(self, spot: Spot) -> Span | None:
        """Where the spec names a source's column or a feature."""
        place = self.reach.spots[spot].stated
        return self.spans.span(place) if place is not None else None


def _step(place: Place) -> str | None:
    """The kind of a cleaning step; None where an expression stands."""
    path = place.path
    return str(path[4]) if len(path) > 4 and path[2] == "clean" else None


def written(sources: Sources, span: Span) -> str:
    """The text of a span on one line."""
    last = min(span.end_line, span.line + _LINES)
    lines = [sources.line(span.source, number) or "" for number in range(span.line, last + 1)]
    if last == span.end_line:
        lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return " ".join(" ".join(lines).split())


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
            for spot, flow in sorted(reach.rows.get(block, {}).items())
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
