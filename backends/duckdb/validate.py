"""Judge a table against its rules, and show what breaks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.duckdb.connection import Connection, over
from backends.duckdb.judging import NUMBERED, flag, judged, judges_rows
from backends.duckdb.text import jsonable, names
from compiler.backend import Artifact, EventDraft, Outcome, TaskContext
from compiler.graph.digest import canonical
from compiler.graph.documents import RuleResult, Verdict
from compiler.graph.operations import Rule, Validate
from compiler.graph.types import TableType

EXAMPLES = 5


def validate(operation: Validate, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Judge ``table``; which rows a quarantining rule sets aside is ``quarantine``'s to say.

    A rule passes while the share of rows that break it is within its
    tolerance. Of equal keys the first is kept and the later ones break
    ``unique``. Null never breaks a rule but ``not_null``.

    Raises:
        StackcError: E710 when a rule cannot be evaluated on the data.
    """
    return judge(operation, inputs, context)


def judge(
    operation: Validate,
    inputs: Mapping[str, Artifact],
    context: TaskContext,
    counted: Sequence[int] | None = None,
) -> Outcome:
    """The same, where ``counted`` may say what the rules of single rows come to."""
    table = inputs["table"].type
    if not isinstance(table, TableType):
        raise TypeError("validate needs a table")
    with over(context, inputs) as connection:
        rows, results = judged(connection, operation.rules, table, context, counted)
        _add_examples(connection, operation.rules, results, table)
    verdict = _verdict(rows, results)
    target = context.workdir / "verdict.json"
    target.write_bytes(canonical(verdict))
    summary = {"rows": verdict["rows"], "broken": sum(not r["passed"] for r in results)}
    return Outcome({"verdict": target}, summary, _events(verdict, context))


def _add_examples(
    connection: Connection,
    rules: Sequence[Rule],
    results: list[RuleResult],
    table: TableType,
) -> None:
    """Give each broken rule a few values that break it, or row numbers where values are private."""
    private = {column.name for column in table.columns if column.is_private}
    for rule, result in zip(rules, results, strict=True):
        if not result["broken"] or not judges_rows(rule):
            continue
        hidden = not private.isdisjoint(rule.columns)
        by_row = hidden or rule.kind == "not_null" or not rule.columns
        shown = "'row ' || __row" if by_row else names(rule.columns)
        found = connection.execute(_examples_sql(rule, shown, table)).fetchall()
        result["examples"] = [jsonable(r[0] if len(r) == 1 else r) for r in found]


def _examples_sql(rule: Rule, shown: str, table: TableType) -> str:
    condition = flag(rule, table)
    if rule.kind == "unique":
        flagged = f"SELECT *, {condition} AS __bad FROM {NUMBERED}"
        return f"SELECT {shown} FROM ({flagged}) WHERE __bad ORDER BY __row LIMIT {EXAMPLES}"
    return f"SELECT {shown} FROM {NUMBERED} WHERE {condition} LIMIT {EXAMPLES}"


def _verdict(rows: int, results: list[RuleResult]) -> Verdict:
    blocked = any(not r["passed"] and r["on_failure"] == "block" for r in results)
    return Verdict(rows=rows, blocked=blocked, rules=results)


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
            data={"rules": failed},
        ),
    )
