"""Validation rules as SQL: the condition under which a row breaks one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from backends.duckdb.text import literal, name, names, string
from backends.duckdb.types import to_duckdb
from compiler.graph.operations import Rule, Scalar
from compiler.graph.types import DataType, TableType

ROW_KINDS = ("not_null", "between", "in_set", "matches", "expression")
"""Kinds that judge a row by itself: all of them are counted in one scan."""


def argument(rule: Rule, key: str) -> Scalar:
    """One argument of a rule; None where it has none of that name."""
    return dict(rule.arguments).get(key)


def broken(rule: Rule, table: TableType) -> str:
    """The condition that is true for rows that break a row rule; never for a null value."""
    condition = _CONDITIONS[rule.kind]
    types = {column.name: column.type for column in table.columns}
    return condition(rule, types)


def repeats(rule: Rule) -> str:
    """For a unique rule: whether an earlier row has the same key, over ``__row``."""
    keys = names(rule.columns)
    return f"{_known(rule)} AND row_number() OVER (PARTITION BY {keys} ORDER BY __row) > 1"


def orphans(rule: Rule) -> str:
    """For a references rule: whether the key is missing in the other table."""
    other, column = name(str(argument(rule, "input"))), name(str(argument(rule, "column")))
    value = name(rule.columns[0])
    # Two nulls never match, and a null in the other table must not make every test unknown.
    keys = f"SELECT {column} FROM {other} WHERE {column} IS NOT NULL"
    return f"({value} IS NOT NULL AND {value} NOT IN ({keys}))"


def _known(rule: Rule) -> str:
    return "(" + " AND ".join(f"{name(column)} IS NOT NULL" for column in rule.columns) + ")"


def _not_null(rule: Rule, _types: Mapping[str, DataType]) -> str:
    return " OR ".join(f"{name(column)} IS NULL" for column in rule.columns)


def _between(rule: Rule, types: Mapping[str, DataType]) -> str:
    low, high = argument(rule, "low"), argument(rule, "high")
    parts = []
    for column in rule.columns:
        value = name(column)
        if low is not None:
            parts.append(f"{value} < {_bound(low, types[column])}")
        if high is not None:
            parts.append(f"{value} > {_bound(high, types[column])}")
        # NaN is above every number for DuckDB, so an upper bound catches it.
        if types[column].is_float and high is None:
            parts.append(f"isnan({value})")
    return " OR ".join(parts) or "false"


def _bound(value: Scalar, type: DataType) -> str:
    """A bound as it is compared with a column: text becomes the column's type, a number stays."""
    if isinstance(value, str):
        return f"CAST({string(value)} AS {to_duckdb(type)})"
    if isinstance(value, float) and type == "float32":
        # The column's values were rounded to 32 bits, so the bound must be, too.
        return f"CAST({literal(value)} AS FLOAT)"
    return literal(value)


def _in_set(rule: Rule, types: Mapping[str, DataType]) -> str:
    values = [v for v in json.loads(str(argument(rule, "values"))) if v is not None]
    parts = []
    for column in rule.columns:
        listed = ", ".join(_bound(value, types[column]) for value in values)
        missing = f"{name(column)} NOT IN ({listed})" if values else "true"
        parts.append(f"({name(column)} IS NOT NULL AND {missing})")
    return " OR ".join(parts)


def _matches(rule: Rule, types: Mapping[str, DataType]) -> str:
    pattern = string(str(argument(rule, "pattern")))
    parts = []
    for column in rule.columns:
        value = name(column) if types[column] == "string" else f"CAST({name(column)} AS VARCHAR)"
        parts.append(f"NOT regexp_matches({value}, {pattern})")
    return " OR ".join(parts)


def _expression(rule: Rule, _types: Mapping[str, DataType]) -> str:
    return f"NOT ({argument(rule, 'sql')}\n)"


_CONDITIONS: Mapping[str, Callable[[Rule, Mapping[str, DataType]], str]] = {
    "not_null": _not_null,
    "between": _between,
    "in_set": _in_set,
    "matches": _matches,
    "expression": _expression,
}
