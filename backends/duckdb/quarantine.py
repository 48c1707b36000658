"""Set aside the rows that break a rule; the rest is the table that is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.duckdb.connection import over, write
from backends.duckdb.judging import NUMBERED, flag, judged
from backends.duckdb.text import names, string
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.engine import durable
from compiler.graph.operations import Quarantine, Rule
from compiler.graph.types import TableType


def quarantine(
    operation: Quarantine, inputs: Mapping[str, Artifact], context: TaskContext
) -> Outcome:
    """Split ``table`` into ``accepted`` and ``quarantined`` rows, both in its order.

    A rule sets aside nothing while the share of rows that break it is within
    its tolerance. ``quarantined`` names the broken rules in ``_rules``.

    Raises:
        StackcError: E710 when a rule cannot be evaluated on the data.
    """
    table = inputs["table"].type
    if not isinstance(table, TableType):
        raise TypeError("quarantine needs a table")
    paths = {part: context.workdir / f"{part}.parquet" for part in ("accepted", "quarantined")}
    # One thread: the rows keep their order and the files their bytes.
    with over(context, inputs, threads=1) as connection:
        rows, results = judged(connection, operation.rules, table, context)
        pairs = zip(operation.rules, results, strict=True)
        marked = _marked([rule for rule, found in pairs if not found["passed"]], table)
        columns = names(table.names)
        bad = f"SELECT {columns}, _rules FROM ({marked}) WHERE _rules <> ''"
        aside = write(connection, bad, paths["quarantined"])
        if aside:
            good = f"SELECT {columns} FROM ({marked}) WHERE _rules = ''"
            write(connection, good, paths["accepted"])
        else:
            durable.link(inputs["table"].path, paths["accepted"])
    return Outcome(paths, {"rows": rows - aside, "quarantined": aside})


def _marked(broken: Sequence[Rule], table: TableType) -> str:
    """The table in its order with ``_rules``: the names of the broken rules, by commas."""
    if not broken:
        return """SELECT *, '' AS _rules FROM "table\""""
    named = [
        f"CASE WHEN {flag(rule, table)} THEN {string(rule.name)} END AS __f{i}"
        for i, rule in enumerate(broken)
    ]
    parts = ", ".join(f"__f{i}" for i in range(len(broken)))
    order = " ORDER BY __row" if any(rule.kind == "unique" for rule in broken) else ""
    return (
        f"SELECT *, concat_ws(', ', {parts}) AS _rules FROM "
        f"(SELECT *, {', '.join(named)} FROM {NUMBERED}){order}"
    )
