"""What DuckDB says of a SELECT over tables that are declared to it; each is asked about once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb
from msgspec import Struct, field

from backends.duckdb.ahead import Answers
from backends.duckdb.plans import Traced, trace
from backends.duckdb.sessions import Sessions
from backends.duckdb.shapes import NAMED, Signature, signature_of
from backends.duckdb.text import name as quoted
from backends.duckdb.types import from_duckdb, to_duckdb
from backends.duckdb.values import Plan, UnknownPlan
from compiler.graph.types import Column, TableType


class Described(Struct):
    """Tables that were declared, and queries over them that were bound.

    A table's name stands for its columns: another table has another name, or
    the answers are not kept.
    """

    sessions: Sessions
    plans: Answers[Plan]
    declared: dict[str, Signature] = field(default_factory=dict)
    bound: dict[str, tuple[Column, ...] | None] = field(default_factory=dict)
    found: dict[str, Traced | None] = field(default_factory=dict)

    def ahead(self, asked: Iterable[tuple[str, Mapping[str, TableType]]]) -> None:
        """Be told of many queries, to ask about them together, which is cheaper."""
        new = {sql: tables for sql, tables in asked if sql not in self.found and _last(tables)}
        self.plans.ahead([sql for sql, tables in new.items() if self._declare_all(tables)])

    def traced(self, sql: str, tables: Mapping[str, TableType]) -> Traced | None:
        """Where a query's columns come from; None where it cannot be bound, or that not be told."""
        if not self._declare_all(tables):
            return None
        if sql not in self.found:
            self.found[sql] = self._traced(sql, tables)
        return self.found[sql]

    def columns(self, sql: str, tables: Mapping[str, TableType]) -> tuple[Column, ...] | None:
        """The result's columns by type; None where the query cannot be bound."""
        if not self._declare_all(tables):
            return None
        if sql not in self.bound:
            self.bound[sql] = self._columns(sql)
        return self.bound[sql]

    def declare(self, name: str, table: TableType) -> None:
        """Make an empty table of this type, unless it is already there."""
        signature = signature_of(table)
        if self.declared.get(name) == signature:
            return
        columns = ", ".join(f"{quoted(n)} {to_duckdb(t)}" for n, t, _ in signature)
        self.sessions.here.execute(f"CREATE OR REPLACE TABLE {quoted(name)} ({columns})")
        self.declared[name] = signature
        # What was said of the table by that name is said of another one.
        if not name.startswith(NAMED):
            self.bound.clear()
            self.found.clear()

    def _declare_all(self, tables: Mapping[str, TableType]) -> bool:
        """Before any answer is looked up: one that is about another table is forgotten then.

        False where DuckDB takes no such table: it knows columns in one case only.
        """
        try:
            for name, table in tables.items():
                self.declare(name, table)
        except duckdb.Error:
            return False
        return True

    def _traced(self, sql: str, tables: Mapping[str, TableType]) -> Traced | None:
        plan = self.plans.take(sql)
        try:
            return None if plan is None else trace(plan, tables)
        except UnknownPlan:
            return None

    def _columns(self, sql: str) -> tuple[Column, ...] | None:
        try:
            # A relation is bound and not planned, which takes half of DESCRIBE's time.
            relation = self.sessions.here.sql(sql)
        except duckdb.Error:
            return None
        types = (from_duckdb(str(found)) for found in relation.types)
        return tuple(map(Column, relation.columns, types))


def _last(tables: Iterable[str]) -> bool:
    """Whether tables are called after their types: what is told of them is not forgotten."""
    return all(name.startswith(NAMED) for name in tables)
