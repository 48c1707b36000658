"""Cleaning steps as SQL: one SELECT around the other, in the order they are given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from backends.duckdb.query import run
from backends.duckdb.text import literal, name, names
from backends.duckdb.types import to_duckdb
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.graph.operations import Clean, CleanStep
from compiler.graph.types import DataType, TableType


def clean(operation: Clean, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Apply the cleaning steps to ``table``."""
    table = inputs["table"].type
    if not isinstance(table, TableType):
        raise TypeError("clean needs a table")
    return run(clean_sql(operation, table), inputs, context)


def clean_sql(operation: Clean, table: TableType) -> str:
    """The cleaning steps over the input ``table`` as one SELECT."""
    types = {column.name: column.type for column in table.columns}
    sql = 'SELECT * FROM "table"'
    for step in operation.steps:
        sql = _STEPS[step.kind](step, types, sql)
    return sql


def _drop_duplicates(step: CleanStep, types: Mapping[str, DataType], sql: str) -> str:
    """Keep the first row of each key, in the table's order."""
    keys = names(step.columns or types)
    return (
        f"SELECT {names(types)} FROM (SELECT *, row_number() OVER (PARTITION BY {keys} "
        f"ORDER BY __row) AS __copy FROM (SELECT *, row_number() OVER () AS __row FROM ({sql}))) "
        "WHERE __copy = 1 ORDER BY __row"
    )


def _fill_null(step: CleanStep, types: Mapping[str, DataType], sql: str) -> str:
    return _replaced(
        {
            column: f"coalesce({name(column)}, {_typed(value, types[column])})"
            for column, value in step.arguments
        },
        sql,
    )


def _clip(step: CleanStep, types: Mapping[str, DataType], sql: str) -> str:
    """Move values beyond a bound to it; null and NaN stay what they are."""
    changed = {}
    for column, bounds in step.arguments:
        low, high = json.loads(str(bounds))
        value = name(column)
        known = (
            f"{value} IS NULL OR isnan({value})" if types[column].is_float else f"{value} IS NULL"
        )
        clipped = value
        if low is not None:
            clipped = f"greatest({clipped}, {_typed(low, types[column])})"
        if high is not None:
            clipped = f"least({clipped}, {_typed(high, types[column])})"
        changed[column] = f"CASE WHEN {known} THEN {value} ELSE {clipped} END"
    return _replaced(changed, sql)


def _trim(step: CleanStep, types: Mapping[str, DataType], sql: str) -> str:
    columns = step.columns or tuple(c for c, t in types.items() if t == "string")
    # Spaces, tabs and line ends, not only the space that a bare trim() takes.
    blank = "' ' || chr(9) || chr(10) || chr(13)"
    return _replaced({column: f"trim({name(column)}, {blank})" for column in columns}, sql)


def _cast(step: CleanStep, types: dict[str, DataType], sql: str) -> str:
    changed = {}
    for column, wanted in step.arguments:
        types[column] = DataType(str(wanted))
        changed[column] = f"CAST({name(column)} AS {to_duckdb(types[column])})"
    return _replaced(changed, sql)


def _typed(value: str | int | float | bool | None, type: DataType) -> str:
    return f"CAST({literal(value)} AS {to_duckdb(type)})"


def _replaced(changed: Mapping[str, str], sql: str) -> str:
    if not changed:
        return sql
    columns = ", ".join(f"{expression} AS {name(column)}" for column, expression in changed.items())
    return f"SELECT * REPLACE ({columns}) FROM ({sql})"


_STEPS: Mapping[str, Callable[[CleanStep, dict[str, DataType], str], str]] = {
    "drop_duplicates": _drop_duplicates,
    "fill_null": _fill_null,
    "clip": _clip,
    "trim": _trim,
    "cast": _cast,
}
