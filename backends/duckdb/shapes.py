"""The shape of a query: its text with tables called after their types instead of their blocks.

Queries that differ in nothing but the names of equally typed tables (blocks
made by one template do) have one shape, and one is bound for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from backends.duckdb.parsed import Parsed
from backends.duckdb.text import name as quoted
from compiler.graph.lineage import Origin
from compiler.graph.types import DataType, TableType

NAMED = "__table_"
"""How the name of a table begins that is called after its type."""
Signature: TypeAlias = tuple[tuple[str, DataType, bool], ...]


class Shape(Struct, frozen=True):
    """A query over tables of these types.

    Attributes:
        sql: The text; each table has another name in it.
        tables: The tables by those names.
        local: The names that the query has for them.
        shifts: For each name that was exchanged, where it ends in the shape's
            text, and by how many bytes the query's own is longer up to there.
    """

    sql: str
    tables: dict[str, TableType]
    local: dict[str, str]
    shifts: tuple[tuple[int, int], ...]

    @classmethod
    def of_itself(cls, sql: str, tables: Mapping[str, TableType]) -> Shape:
        """A query that keeps its names."""
        return cls(sql, dict(tables), {name: name for name in tables}, ())

    def called(self, origins: Iterable[Origin]) -> tuple[Origin, ...]:
        """Origins with the names that the query has for its tables."""
        return tuple(replace(origin, input=self.local[origin.input]) for origin in origins)

    def back(self, offset: int) -> int:
        """A byte offset of the shape's text as one of the query's."""
        moved = 0
        for end, by in self.shifts:
            if offset < end:
                break
            moved = by
        return offset + moved


class Shapes(Struct):
    """Numbers for the types of tables that have been seen."""

    known: dict[Signature, int] = field(default_factory=dict)

    def of(self, sql: str, parsed: Parsed, tables: Mapping[str, TableType]) -> Shape | None:
        """The shape of a query that reads tables; None where a name's place is not known."""
        names = self._names(tables)
        text, at, shifts, moved = bytearray(), 0, [], 0
        raw = sql.encode()
        for mention in parsed.tables:
            token = None if mention.offset is None else _token(raw, mention.offset, mention.name)
            if mention.offset is None or token is None:
                return None
            other = names[mention.name.lower()].encode()
            text += raw[at : mention.offset] + other
            at = mention.offset + len(token)
            moved += len(token) - len(other)
            shifts.append((len(text), moved))
        text += raw[at:]
        return Shape(
            text.decode(),
            {names[name]: table for name, table in tables.items()},
            {names[name]: name for name in tables},
            tuple(shifts),
        )

    def _names(self, tables: Mapping[str, TableType]) -> dict[str, str]:
        """A name for each table: of its type, and which one of that type it is here."""
        seen: dict[int, int] = {}
        found: dict[str, str] = {}
        for name, table in tables.items():
            number = self._number(table)
            seen[number] = seen.get(number, 0) + 1
            found[name] = f"{NAMED}{number}_{seen[number]}"
        return found

    def _number(self, table: TableType) -> int:
        return self.known.setdefault(signature_of(table), len(self.known))


def signature_of(table: TableType) -> Signature:
    """All of a table's type that what is said of a query over it depends on."""
    return tuple((column.name, column.type, column.nullable) for column in table.columns)


def _token(raw: bytes, start: int, name: str) -> bytes | None:
    """The name of a table as it stands in a text, plain or quoted; None where it does not."""
    for token in (name.encode(), quoted(name).encode()):
        found = raw[start : start + len(token)]
        if found.lower() == token.lower():
            return found
    return None
