"""Which columns are known to name one row of a table, before any of its rows is read."""

from __future__ import annotations

from compiler.analyse.scope import Scope
from compiler.graph.operations import Clean, CleanStep
from specs.datasets import Dataset


def names_a_row(scope: Scope, table: str, columns: frozenset[str]) -> bool:
    """Whether no two rows of a published table have equal values in all of the columns.

    Known by a rule that no row breaks, by cleaning that keeps one row a key, by the
    groups of a query, or by the table that a dataset takes over row for row.
    """
    if _by_rule(scope, table, columns):
        return True
    dataset = scope.stack.datasets.get(table)
    if dataset is None:
        return False
    return _by_cleaning(scope, table, columns) or _by_rows(scope, table, dataset, columns)


def _by_rule(scope: Scope, table: str, columns: frozenset[str]) -> bool:
    rules = scope.stack.validation.get(table, ())
    return any(
        rule.unique is not None and columns.issuperset(rule.unique) and rule.kept for rule in rules
    )


def _by_cleaning(scope: Scope, table: str, columns: frozenset[str]) -> bool:
    """Whether one row a key is kept, and no later step may make two keys equal."""
    found = False
    for step in _steps(scope, table):
        if step.kind == "drop_duplicates":
            found |= bool(step.columns) and columns.issuperset(step.columns)
        elif columns & {*step.columns, *dict(step.arguments)}:
            found = False
    return found


def _by_rows(scope: Scope, table: str, dataset: Dataset, columns: frozenset[str]) -> bool:
    """Whether it is known of the table below, or of a query's groups, and cleaning left it so."""
    for step in _steps(scope, table):
        changes = {*step.columns, *dict(step.arguments)}
        # Without columns `trim` takes all texts; fewer rows are as different as before.
        if step.kind != "drop_duplicates" and (columns & changes or not changes):
            return False
    if dataset.from_ is not None:
        return names_a_row(scope, dataset.from_, columns)
    query = scope.by_address.get(f"datasets.{table}/query")
    key = query.lineage.key if query is not None and query.lineage is not None else ()
    return bool(key) and columns.issuperset(key)


def _steps(scope: Scope, table: str) -> tuple[CleanStep, ...]:
    node = scope.by_address.get(f"datasets.{table}/clean")
    return node.operation.steps if node and isinstance(node.operation, Clean) else ()
