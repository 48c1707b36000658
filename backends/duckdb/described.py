"""What DuckDB says of a SELECT over tables that are declared to it; each is asked about once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb
from msgspec import Struct, field

from backends.duckdb.plans import Traced, plans, trace
from backends.duckdb.shapes import NAMED
from backends.duckdb.text import name as quoted
from backends.duckdb.types import from_duckdb, to_duckdb
from backends.duckdb.values import UnknownPlan
from compiler.graph.types import Column, DataType, TableType


class Described(Struct):
    """Tables that were declared, and queries over them that were bound.

    A table's name stands for its columns: another table has another name, or
    the answers are not kept.
    """

    connection: duckdb.DuckDBPyConnection
    declared: dict[str, tuple[tuple[str, DataType], ...]] = field(default_factory=dict)
    bound: dict[str, tuple[Column, ...] | None] = field(default_factory=dict)
    plans: dict[str, Traced | None] = field(default_factory=dict)

    def ahead(self, asked: Iterable[tuple[str, Mapping[str, TableType]]]) -> None:
        """Ask about many queries together, which is cheaper than one by one."""
        new = {sql: tables for sql, tables in asked if sql not in self.plans}
        for tables in new.values():
            for name, table in tables.items():
                self.declare(name, table)
        for sql, plan in plans(self.connection, [*new]).items():
            try:
                self.plans[sql] = trace(plan, new[sql])
            except UnknownPlan:
                self.plans[sql] = None

    def traced(self, sql: str, tables: Mapping[str, TableType]) -> Traced | None:
        """Where a query's columns come from; None where it cannot be bound, or that not be told."""
        if sql not in self.plans:
            self.ahead([(sql, tables)])
        return self.plans[sql]

    def columns(self, sql: str, tables: Mapping[str, TableType]) -> tuple[Column, ...] | None:
        """The result's columns by type; None where the query cannot be bound."""
        if sql not in self.bound:
            self.bound[sql] = self._columns(sql, tables)
        return self.bound[sql]

    def declare(self, name: str, table: TableType) -> None:
        """Make an empty table of this type, unless it is already there."""
        signature = tuple((column.name, column.type) for column in table.columns)
        if self.declared.get(name) == signature:
            return
        columns = ", ".join(f"{quoted(n)} {to_duckdb(t)}" for n, t in signature)
        self.connection.execute(f"CREATE OR REPLACE TABLE {quoted(name)} ({columns})")
        self.declared[name] = signature
        # What was said of the table by that name is said of another one.
        if not name.startswith(NAMED):
            self.bound.clear()
            self.plans.clear()

    def _columns(self, sql: str, tables: Mapping[str, TableType]) -> tuple[Column, ...] | None:
        try:
            for name, table in tables.items():
                self.declare(name, table)
            # A relation is bound and not planned, which takes half of DESCRIBE's time.
            relation = self.connection.sql(sql)
        except duckdb.Error:
            return None
        types = (from_duckdb(str(found)) for found in relation.types)
        return tuple(map(Column, relation.columns, types))
