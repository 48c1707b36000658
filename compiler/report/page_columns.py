"""The columns of a report: every table's, and for each model the ways to its features."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from compiler.graph.lineage import Flow
from compiler.graph.reach import Spot, closure
from compiler.report.lineage_told import Told
from compiler.report.view import RunView

MOST_FROM = 6
"""Columns that one is said to come from."""
DRAWN = ("column", "feature", "target")


class ColumnRow(Struct, frozen=True):
    """A column of a table; ``made`` is how it is computed, as the spec has it."""

    name: str
    type: str
    nullable: bool
    tags: tuple[str, ...]
    origins: tuple[str, ...]
    more: int
    made: tuple[str, ...]
    followed: bool


class ColumnTable(Struct, frozen=True):
    """All columns of one table."""

    block: str
    rows: tuple[ColumnRow, ...]

    @property
    def tagged(self) -> int:
        """How many of them have tags."""
        return sum(bool(row.tags) for row in self.rows)


class Knot(Struct, frozen=True):
    """A column in a model's picture; ``told`` is everything known of it, a line each."""

    spot: Spot
    kind: str
    type: str
    tags: tuple[str, ...]
    told: tuple[str, ...]


class ModelColumns(Struct, frozen=True):
    """What a model's features and target come from: knots and the ties between them."""

    block: str
    knots: tuple[Knot, ...]
    ties: tuple[tuple[Spot, Spot, Flow], ...]


class Columns(Struct, frozen=True):
    """The whole section."""

    models: tuple[ModelColumns, ...]
    tables: tuple[ColumnTable, ...]


def columns(run: RunView) -> Columns | None:
    """The section's values; None where no table has columns, or nothing is known of them."""
    told = run.told
    if told is None:
        return None
    tables: dict[str, list[Spot]] = {}
    ends: dict[str, list[Spot]] = {}
    for spot, known in told.reach.spots.items():
        if known.kind == "column":
            tables.setdefault(spot.block, []).append(spot)
        elif known.kind in ("feature", "target"):
            ends.setdefault(spot.block, []).append(spot)
    if not tables:
        return None
    return Columns(
        tuple(_model(told, block, spots) for block, spots in ends.items()),
        tuple(
            ColumnTable(block, tuple(_row(told, spot) for spot in spots))
            for block, spots in tables.items()
        ),
    )


def _row(told: Told, spot: Spot) -> ColumnRow:
    known = told.reach.spots[spot]
    assert known.column is not None  # a column of a table has a type
    origins = [str(origin) for origin in told.reach.above.get(spot, ())]
    return ColumnRow(
        spot.name,
        str(known.column.type),
        known.column.nullable,
        known.column.tags,
        tuple(origins[:MOST_FROM]),
        max(0, len(origins) - MOST_FROM),
        tuple(text for text, _ in told.made(spot)),
        known.sure,
    )


def _model(told: Told, block: str, ends: Iterable[Spot]) -> ModelColumns:
    reach = told.reach
    spots = [s for s in closure(ends, reach.above) if reach.spots[s].kind in DRAWN]
    known = set(spots)
    ties = tuple(
        (source, spot, flow)
        for spot in spots
        for source, flow in reach.above.get(spot, {}).items()
        if source in known
    )
    return ModelColumns(block, tuple(_knot(told, spot) for spot in spots), ties)


def _knot(told: Told, spot: Spot) -> Knot:
    known = told.reach.spots[spot]
    column = known.column
    lines = [str(spot)]
    if column is not None:
        lines.append(f"{column.type}, may be null" if column.nullable else str(column.type))
        lines += [f"tag {tag}" for tag in column.tags]
    lines += [f"= {text} ({span})" for text, span in told.made(spot)]
    tags = column.tags if column else ()
    return Knot(spot, known.kind, str(column.type) if column else "", tags, tuple(lines))
