"""Column lineage: for each column of a node's table the columns of its inputs it comes from.

The words are those of OpenLineage's column lineage facet. A node without
lineage hands every column on as its input ``table`` has it.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from compiler.diagnostics import Path, Place


class Flow(StrEnum):
    """How a column has to do with one that it comes from.

    The first three carry values, a window's order and partition a rank or a
    place among others; the rest only decide which rows there are.
    """

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    WINDOW = "WINDOW"
    JOIN = "JOIN"
    GROUP_BY = "GROUP_BY"
    FILTER = "FILTER"
    SORT = "SORT"

    @property
    def is_direct(self) -> bool:
        """Whether values flow."""
        return self in (Flow.IDENTITY, Flow.TRANSFORMATION, Flow.AGGREGATION)

    @property
    def carries(self) -> bool:
        """Whether a tag flows: with values, and with ranks, which tell something of them."""
        return self.is_direct or self is Flow.WINDOW


_STRENGTH = {flow: at for at, flow in enumerate(Flow)}


def stronger(one: Flow, other: Flow) -> Flow:
    """Of two ways the one that changes more: what is aggregated or indirect once stays so."""
    return one if _STRENGTH[one] > _STRENGTH[other] else other


class Treatment(Struct, frozen=True):
    """What was done to values on the way that may end a tag.

    ``kind``: hash, truncate, bucket, model, aggregate; ``size`` is the
    smallest group of rows that was aggregated.
    """

    kind: str
    size: int = 0


class Origin(Struct, frozen=True):
    """A column of an input that a column comes from.

    Attributes:
        input: The node's input, by its name.
        column: The column of that table.
        flow: How.
        scan: Which mention of the table it is, where a query has several:
            only values of one mention are of one row.
        past: Whether only earlier rows flow in, by a window's order.
        treatments: What was done to the values.
    """

    input: str
    column: str
    flow: Flow = Flow.IDENTITY
    scan: int = 0
    past: bool = False
    treatments: tuple[Treatment, ...] = ()


class Derivation(Struct, frozen=True):
    """One column and what it comes from; ``place`` is where the spec says so."""

    column: str
    origins: tuple[Origin, ...]
    place: Place | None = None


class Lineage(Struct, frozen=True, dict=True):
    """The columns of a node's table, and what decides about its rows.

    ``known`` is False where the way could not be followed: then every column
    may come from every other, and is said to. ``key`` are columns that together
    name one row, by the groups of a query; none where that is not known.
    """

    columns: tuple[Derivation, ...]
    rows: tuple[Origin, ...] = ()
    known: bool = True
    key: tuple[str, ...] = ()

    def of(self, column: str) -> Derivation | None:
        """The derivation of a column; None where it is not among them."""
        return self._by_column.get(column)

    @cached_property
    def _by_column(self) -> dict[str, Derivation]:
        return {derived.column: derived for derived in reversed(self.columns)}


def placed(lineage: Lineage, path: Path) -> Lineage:
    """The lineage with its places, stretches of one text, at the path where the text stands."""
    columns = tuple(
        replace(d, place=Place(path, d.place.within if d.place else None)) for d in lineage.columns
    )
    return replace(lineage, columns=columns)
