"""Plans of SELECTs as DuckDB binds them: asked for, and read as columns with names and types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
from msgspec import Struct

from backends.duckdb.lineage import Walk
from backends.duckdb.parsed import decoded
from backends.duckdb.unique import key_of
from backends.duckdb.values import Plan, Span, UnknownPlan, Value
from compiler.graph.lineage import Derivation, Flow, Lineage, Origin
from compiler.graph.types import Column, TableType

_ASKED = (
    "SELECT t, json_serialize_plan(t, optimize := false, skip_default := true,"
    " skip_empty := true, skip_null := true) FROM unnest(?::VARCHAR[]) AS x(t)"
)
_AROUND = ("SELECT * FROM (", "\n)")
"""What makes the names of a result the names in its plan."""
_NOWHERE = 2**63


class Traced(Struct, frozen=True):
    """A query's columns in order, and what decides about its rows.

    A type is as DuckDB spells it; None for a nested one. ``key`` are columns that
    together name one row, none where that is not known.
    """

    names: tuple[str, ...]
    types: tuple[str | None, ...]
    columns: tuple[Value, ...]
    rows: tuple[Origin, ...]
    key: tuple[str, ...] = ()

    @staticmethod
    def span(value: Value) -> Span | None:
        """The bytes of the query where a column is computed; None where it is handed on."""
        if value.span is None:
            return None
        return value.span[0] - len(_AROUND[0]), value.span[1]


def plans(connection: duckdb.DuckDBPyConnection, queries: Sequence[str]) -> dict[str, Plan]:
    """The plan of each SELECT, as DuckDB binds it; ``{"error": true}`` where it does not.

    Many at once cost half of as many calls.
    """
    if not queries:
        return {}
    texts = {_AROUND[0] + sql + _AROUND[1]: sql for sql in queries}
    found = connection.execute(_ASKED, [[*texts]]).fetchall()
    return {texts[text]: decoded(plan) for text, plan in found}


def trace(plan: Plan, tables: Mapping[str, TableType]) -> Traced:
    """Where the columns of a query over tables come from, by its plan.

    Raises:
        UnknownPlan: It cannot be told.
    """
    if plan["error"] or len(plan["plans"]) != 1:
        raise UnknownPlan(str(plan.get("error_message")))
    walk = Walk({name.lower(): table for name, table in tables.items()})
    try:
        columns = walk.values(plan["plans"][0])
        names, types = _named(plan["plans"][0])
        key = tuple(names[at] for at in sorted(key_of(plan["plans"][0]) or ()))
    except (IndexError, KeyError, TypeError) as error:
        raise UnknownPlan(repr(error)) from error
    return Traced(names, types, tuple(columns), tuple(dict.fromkeys(walk.rows)), key)


def _named(plan: Plan) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    """The names and types of the result's columns, as DuckDB spells them."""
    while plan["type"] in ("LOGICAL_MATERIALIZED_CTE", "LOGICAL_RECURSIVE_CTE"):
        plan = plan["children"][-1]
    if plan["type"] != "LOGICAL_PROJECTION":
        raise UnknownPlan(plan["type"])
    expressions = plan["expressions"]
    names = tuple(expression["alias"] for expression in expressions)
    return names, tuple(_type(expression["return_type"]) for expression in expressions)


def _type(found: Plan) -> str | None:
    more = found.get("type_info", {})
    if more.get("type") == "DECIMAL_TYPE_INFO":
        return f"DECIMAL({more.get('width', 0)},{more.get('scale', 0)})"
    return None if more else str(found["id"])


def unknown(columns: Iterable[Column], tables: Mapping[str, TableType]) -> Lineage:
    """The lineage of a query that cannot be followed: all may come from all."""
    everything = tuple(
        Origin(name, column.name, Flow.TRANSFORMATION)
        for name, table in tables.items()
        for column in table.columns
    )
    return Lineage(tuple(Derivation(c.name, everything) for c in columns), everything, known=False)


def written(node: Plan) -> dict[str, Span]:
    """Where the items of a SELECT stand in bytes, by the name of their column."""
    found: dict[str, Span] = {}
    for item in node.get("select_list", ()):
        names = item.get("column_names") or [""]
        extent = _extent(item)
        if extent is not None:
            found[str(item.get("alias") or names[-1])] = extent
    return found


def _extent(expression: Plan) -> Span | None:
    """From the first to the last byte of an expression: an operator's own place is its sign."""
    start, end = _NOWHERE, 0
    waiting: list[Any] = [expression]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, dict):
            at = here.get("query_location")
            if isinstance(at, int) and at < _NOWHERE:
                start = min(start, at)
                end = max(end, at + max(1, int(here.get("query_location_length") or 1)))
            waiting.extend(here.values())
    return (start, end - start) if end else None
