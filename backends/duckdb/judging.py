"""Rules held against a table: all row rules in one scan, then what they leave to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backends.duckdb import rules as sql
from backends.duckdb.connection import Connection, only_row
from backends.duckdb.text import name, names
from compiler.backend import TaskContext
from compiler.graph.documents import RuleResult
from compiler.graph.operations import Rule
from compiler.graph.types import TableType

NUMBERED = '(SELECT *, row_number() OVER () AS __row FROM "table")'
"""The table with ``__row``, the number of each row from 1, which ``flag`` reads."""


def judged(
    connection: Connection,
    rules: Sequence[Rule],
    table: TableType,
    context: TaskContext,
    counted: Sequence[int] | None = None,
) -> tuple[int, list[RuleResult]]:
    """Count the rows, and for every rule those that break it.

    ``counted`` has what ``row_counts`` gives of the whole table, where that is known.
    """
    known = iter(() if counted is None else counted)
    asked = rules if counted is None else [r for r in rules if r.kind not in sql.ROW_KINDS]
    measures = ["count(*)"] + [_measure(rule, table) for rule in asked]
    rows, *counts = only_row(connection, f'SELECT {", ".join(measures)} FROM "table"')
    measured, results = iter(counts), []
    for rule in rules:
        found = next(known if counted is not None and rule.kind in sql.ROW_KINDS else measured)
        if rule.kind == "references":
            context.progress(f"looking up {rule.name}")
            lookup = f'SELECT count(*) FROM "table" WHERE {sql.orphans(rule)}'
            (found,) = only_row(connection, lookup)
        results.append(_result(rule, rows, found))
    return rows, results


def row_rules(rules: Sequence[Rule]) -> list[Rule]:
    """Those that judge a row by itself."""
    return [rule for rule in rules if rule.kind in sql.ROW_KINDS]


def row_counts(rules: Sequence[Rule], table: TableType) -> str:
    """A SELECT of one row: how many rows break each of these rules of single rows."""
    counts = ", ".join(f"{_measure(rule, table)} AS c{at}" for at, rule in enumerate(rules))
    return f'SELECT {counts} FROM "table"'


def _measure(rule: Rule, table: TableType) -> str:
    """The aggregate from which a rule is judged."""
    if rule.kind in sql.ROW_KINDS:
        return f"count(*) FILTER (WHERE {sql.broken(rule, table)})"
    if rule.kind == "unique":
        known = " AND ".join(f"{name(column)} IS NOT NULL" for column in rule.columns)
        key = names(rule.columns)
        key = f"({key})" if len(rule.columns) > 1 else key
        return f"count(*) FILTER (WHERE {known}) - count(DISTINCT {key}) FILTER (WHERE {known})"
    if rule.kind == "freshness":
        newest = f"max({name(rule.columns[0])})"
        # The age is held against the clock: that is the meaning of freshness.
        age = f"epoch(now()) - epoch(CAST({newest} AS TIMESTAMPTZ))"
        return f"{{'newest': CAST({newest} AS VARCHAR), 'age': {age}}}"
    return "NULL"


def _result(rule: Rule, rows: int, found: Any) -> RuleResult:
    if rule.kind == "row_count":
        broken, detail = _row_count(rule, rows)
        share = float(broken)
    elif rule.kind == "freshness":
        broken, detail = _freshness(rule, found)
        share = float(broken)
    else:
        broken = int(found)
        share = broken / rows if rows else 0.0
        detail = f"{broken} of {rows} rows" if broken else ""
    return RuleResult(
        name=rule.name,
        kind=rule.kind,
        columns=list(rule.columns),
        rows=rows,
        broken=broken,
        share=share,
        tolerance=rule.tolerance,
        passed=share <= rule.tolerance,
        on_failure=rule.on_failure,
        detail=detail,
        examples=[],
    )


def _row_count(rule: Rule, rows: int) -> tuple[int, str]:
    low, high = sql.argument(rule, "min"), sql.argument(rule, "max")
    if isinstance(low, int) and rows < low:
        return 1, f"{rows} rows, at least {low} wanted"
    if isinstance(high, int) and rows > high:
        return 1, f"{rows} rows, at most {high} wanted"
    return 0, f"{rows} rows"


def _freshness(rule: Rule, found: Any) -> tuple[int, str]:
    limit = float(str(sql.argument(rule, "max_age_s")))
    if found["age"] is None:
        return 1, "no value at all"
    detail = f"the newest is of {found['newest']}, at most {limit:.0f} s old is allowed"
    return int(float(found["age"]) > limit), detail


def flag(rule: Rule, table: TableType) -> str:
    """The condition that marks a row as breaking the rule, over rows numbered by ``__row``."""
    if rule.kind == "unique":
        return sql.repeats(rule)
    return sql.orphans(rule) if rule.kind == "references" else sql.broken(rule, table)


def judges_rows(rule: Rule) -> bool:
    """Whether it is single rows that break the rule, and not the table as a whole."""
    return rule.kind not in ("row_count", "freshness")
