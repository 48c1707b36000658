"""Judge a table against its rules: all row rules in one scan, then what they leave to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from backends.duckdb import rules as sql
from backends.duckdb.connection import PRIVATE, Connection, failure, only_row, session, views, write
from backends.duckdb.text import jsonable, name, names, string
from compiler.backend import Artifact, EventDraft, Outcome, TaskContext
from compiler.graph.digest import canonical
from compiler.graph.documents import RuleResult, Verdict
from compiler.graph.operations import Rule, Validate
from compiler.graph.types import TableType

EXAMPLES = 5


def validate(operation: Validate, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Judge ``table``; where a rule quarantines, also split off the rows that break it.

    A rule passes while the share of rows that break it is within its
    tolerance. Of equal keys the first is kept and the later ones break
    ``unique``. Null never breaks a rule but ``not_null``.

    Raises:
        StackcError: E710 when a rule cannot be evaluated on the data.
    """
    files = [artifact.path for artifact in inputs.values()]
    table = inputs["table"].type
    if not isinstance(table, TableType):
        raise TypeError("validate needs a table")
    with session(context, reads=files) as connection:
        try:
            views(connection, inputs)
            rows, results = _judge(connection, operation.rules, table, context)
            _add_examples(connection, operation.rules, results, table)
        except duckdb.Error as error:
            raise failure(error, inputs) from error
    outputs, quarantined = _quarantine(operation.rules, results, inputs, table, context)
    verdict = _verdict(rows, results, quarantined)
    target = context.workdir / "verdict.json"
    target.write_bytes(canonical(verdict))
    summary = {"rows": verdict["rows"], "broken": sum(not r["passed"] for r in results)}
    summary["quarantined"] = quarantined
    return Outcome({"verdict": target, **outputs}, summary, _events(verdict, context))


def _judge(
    connection: Connection, rules: Sequence[Rule], table: TableType, context: TaskContext
) -> tuple[int, list[RuleResult]]:
    """Count the rows, and for every rule those that break it."""
    measures = ["count(*)"] + [_measure(rule, table) for rule in rules]
    rows, *counts = only_row(connection, f'SELECT {", ".join(measures)} FROM "table"')
    results = []
    for rule, found in zip(rules, counts, strict=True):
        if rule.kind == "references":
            context.progress(f"looking up {rule.name}")
            lookup = f'SELECT count(*) FROM "table" WHERE {sql.orphans(rule)}'
            (found,) = only_row(connection, lookup)
        results.append(_result(rule, rows, found))
    return rows, results


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


def _flag(rule: Rule, table: TableType) -> str:
    """The condition that marks a row as breaking the rule, over rows numbered by ``__row``."""
    if rule.kind == "unique":
        return sql.repeats(rule)
    return sql.orphans(rule) if rule.kind == "references" else sql.broken(rule, table)


def _judges_rows(rule: Rule) -> bool:
    return rule.kind not in ("row_count", "freshness")


def _numbered() -> str:
    return '(SELECT *, row_number() OVER () AS __row FROM "table")'


def _add_examples(
    connection: Connection,
    rules: Sequence[Rule],
    results: list[RuleResult],
    table: TableType,
) -> None:
    """Give each broken rule a few values that break it, or row numbers where values are private."""
    tags = {column.name: set(column.tags) for column in table.columns}
    for rule, result in zip(rules, results, strict=True):
        if not result["broken"] or not _judges_rows(rule):
            continue
        hidden = any(tags.get(column, set()) & PRIVATE for column in rule.columns)
        by_row = hidden or rule.kind == "not_null" or not rule.columns
        shown = "'row ' || __row" if by_row else names(rule.columns)
        found = connection.execute(_examples_sql(rule, shown, table)).fetchall()
        result["examples"] = [jsonable(r[0] if len(r) == 1 else r) for r in found]


def _examples_sql(rule: Rule, shown: str, table: TableType) -> str:
    flag = _flag(rule, table)
    if rule.kind == "unique":
        flagged = f"SELECT *, {flag} AS __bad FROM {_numbered()}"
        return f"SELECT {shown} FROM ({flagged}) WHERE __bad ORDER BY __row LIMIT {EXAMPLES}"
    return f"SELECT {shown} FROM {_numbered()} WHERE {flag} LIMIT {EXAMPLES}"


def _quarantine(
    rules: Sequence[Rule],
    results: Sequence[RuleResult],
    inputs: Mapping[str, Artifact],
    table: TableType,
    context: TaskContext,
) -> tuple[dict[str, Path], int]:
    """The accepted and the quarantined rows, where any rule asks for it."""
    judged = [(r, f) for r, f in zip(rules, results, strict=True) if r.on_failure == "quarantine"]
    if not judged:
        return {}, 0
    flags = [rule for rule, found in judged if not found["passed"] and _judges_rows(rule)]
    paths = {part: context.workdir / f"{part}.parquet" for part in ("accepted", "quarantined")}
    files = [artifact.path for artifact in inputs.values()]
    # One thread: the rows keep their order and the files their bytes.
    with session(context, reads=files, threads=1) as connection:
        try:
            views(connection, inputs)
            marked = _marked(flags, table)
            columns = names(table.names)
            bad = f"SELECT {columns}, _rules FROM ({marked}) WHERE _rules <> ''"
            quarantined = write(connection, bad, paths["quarantined"])
            if quarantined:
                good = f"SELECT {columns} FROM ({marked}) WHERE _rules = ''"
                write(connection, good, paths["accepted"])
            else:
                _same_file(inputs["table"].path, paths["accepted"])
        except duckdb.Error as error:
            raise failure(error, inputs) from error
    return paths, quarantined


def _marked(flags: Sequence[Rule], table: TableType) -> str:
    """The table in its order with ``_rules``: the names of the broken rules, by commas."""
    if not flags:
        return """SELECT *, '' AS _rules FROM "table\""""
    named = [
        f"CASE WHEN {_flag(rule, table)} THEN {string(rule.name)} END AS __f{i}"
        for i, rule in enumerate(flags)
    ]
    parts = ", ".join(f"__f{i}" for i in range(len(flags)))
    order = " ORDER BY __row" if any(rule.kind == "unique" for rule in flags) else ""
    return (
        f"SELECT *, concat_ws(', ', {parts}) AS _rules FROM "
        f"(SELECT *, {', '.join(named)} FROM {_numbered()}){order}"
    )


def _same_file(source: Path, target: Path) -> None:
    """The same bytes under another name, without copying where the disk can."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _verdict(rows: int, results: list[RuleResult], quarantined: int) -> Verdict:
    blocked = any(not r["passed"] and r["on_failure"] == "block" for r in results)
    return Verdict(rows=rows, blocked=blocked, quarantined=quarantined, rules=results)


def _events(verdict: Verdict, context: TaskContext) -> tuple[EventDraft, ...]:
    failed = [r["name"] for r in verdict["rules"] if not r["passed"]]
    if not failed:
        return ()
    block = context.address.split("/", 1)[0]
    kind = "data.rejected" if verdict["blocked"] else "data.warning"
    return (
        EventDraft(
            type=kind,
            subject=block,
            message=f"{block}: {len(failed)} rules broken: {', '.join(failed)}",
            severity="error" if verdict["blocked"] else "warning",
            data={"rules": failed, "quarantined": verdict["quarantined"]},
        ),
    )
