"""Cleaning steps as SQL: one SELECT around the other, in the order they are given."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping

from backends.duckdb.hashing import hashed, keys
from backends.duckdb.query import run
from backends.duckdb.text import literal, name, names
from backends.duckdb.types import to_duckdb
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.graph.operations import Clean, CleanStep
from compiler.graph.types import DataType, TableType


def clean(operation: Clean, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Apply the cleaning steps to ``table``.

    Raises:
        StackcError: E708 for a hash whose key is not set, E710 for what fails on the data.
    """
    table = inputs["table"].type
    if not isinstance(table, TableType):
        raise TypeError("clean needs a table")
    return run(clean_sql(operation, table), inputs, context, keys(operation, context))


def clean_sql(operation: Clean, table: TableType) -> str:
    """The cleaning steps over the input ``table`` as one SELECT."""
    types = {column.name: column.type for column in table.columns}
    sql = 'SELECT * FROM "table"'
    for at, step in enumerate(operation.steps):
        if step.kind == "hash":
            sql = _hash(step, types, sql, at)
        else:
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


def _drop(step: CleanStep, types: dict[str, DataType], sql: str) -> str:
    for column in step.columns:
        del types[column]
    return f"SELECT {names(types)} FROM ({sql})"


def _hash(step: CleanStep, types: dict[str, DataType], sql: str, at: int) -> str:
    types.update(dict.fromkeys(step.columns, DataType("string")))
    return _replaced({column: hashed(column, at) for column in step.columns}, sql)


def _truncate(step: CleanStep, types: dict[str, DataType], sql: str) -> str:
    """The first characters of texts, the beginning of a year or another unit of times."""
    changed = {}
    for column, kept in step.arguments:
        value = name(column)
        if isinstance(kept, int):
            changed[column] = f"left({value}, {kept})"
        else:
            unit = f"date_trunc({literal(kept)}, {value})"
            changed[column] = f"CAST({unit} AS {to_duckdb(types[column])})"
    return _replaced(changed, sql)


def _bucket(step: CleanStep, types: dict[str, DataType], sql: str) -> str:
    """The lower end of a bucket of some width, or which one between edges as a text."""
    changed = {}
    for column, given in step.arguments:
        size, value = json.loads(str(given)), name(column)
        if isinstance(size, list):
            changed[column] = _between_edges(value, size)
            types[column] = DataType("string")
        else:
            changed[column] = _lower_end(value, size, types[column])
    return _replaced(changed, sql)


def _lower_end(value: str, width: int | float, type: DataType) -> str:
    if type.is_float:
        return f"CAST(floor({value} / {literal(width)}) * {literal(width)} AS {to_duckdb(type)})"
    # In whole numbers: what is left over is taken away, also below zero.
    wide = f"CAST({value} AS {'HUGEINT' if type.is_integer else to_duckdb(type)})"
    over = f"((({wide} % {int(width)}) + {int(width)}) % {int(width)})"
    return f"CAST({wide} - {over} AS {to_duckdb(type)})"


def _between_edges(value: str, edges: list[int | float]) -> str:
    """``<18``, ``18-30``, ``>=30``; NaN, which lies between none, is null."""
    below = [f"WHEN {value} < {literal(edges[0])} THEN {literal(f'<{edges[0]}')}"]
    below += [
        f"WHEN {value} < {literal(high)} THEN {literal(f'{low}-{high}')}"
        for low, high in itertools.pairwise(edges)
    ]
    missing = f"{value} IS NULL OR isnan(CAST({value} AS DOUBLE))"
    last = literal(f">={edges[-1]}")
    return f"CASE WHEN {missing} THEN NULL {' '.join(below)} ELSE {last} END"


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
    "drop": _drop,
    "truncate": _truncate,
    "bucket": _bucket,
}
