"""A column whose values group rows: whether it is known to have one value, or no end of them."""

from __future__ import annotations

from compiler.analyse.algebra.dealing import kept_rules
from compiler.analyse.algebra.judge import published
from compiler.analyse.algebra.keys import is_discrete, said
from compiler.analyse.algebra.passed import passed
from compiler.analyse.algebra.regions import Region, by_name, holding
from compiler.analyse.algebra.values import members
from compiler.analyse.scope import Scope
from compiler.diagnostics import Label, Path, Place
from compiler.graph.types import Column


def always(
    scope: Scope, dataset: str, column: Column, part: str | None = None
) -> tuple[str, tuple[Label, ...]] | None:
    """The one value that a column has in all rows, in words, and what says so.

    Args:
        scope: What is known of the dataset.
        dataset: Whose rows.
        column: The column.
        part: The part whose rows alone are meant, of a dataset that is split.
    """
    table, rules = scope.tables[dataset].type, passed(scope, dataset)
    columns, name = by_name(table), column.name.lower()
    labels = [e.label(columns, name) for e in rules if name in e.passing.domains]
    region = published(rules, table)
    condition = _condition(scope, dataset, part)
    if condition is not None:
        region = region & condition
        if name in condition.domains:
            place = Place(("datasets", dataset, "split", str(part)))
            labels.append(Label("the part has no other rows", place))
    domain = region.of(name)
    if domain.values.empty:
        return ("null", tuple(labels)) if domain.nulls else None
    keys = members(domain.values, is_discrete(column.type))
    if keys is None or len(keys) != 1 or domain.nulls:
        return None
    return said(domain.values, column.type), tuple(labels)


def endless(scope: Scope, dataset: str, column: Column) -> tuple[str, tuple[Label, ...]] | None:
    """Why hardly two rows are alike in a column, and what says so; None where they may be."""
    unique = _unique(scope, dataset, column.name)
    if unique is not None:
        labels = (Label("this rule says so", Place(unique)),)
        return f"every `{column.name}` is another one", labels
    region = published(passed(scope, dataset), scope.tables[dataset].type)
    domain = region.of(column.name.lower())
    if members(domain.values, is_discrete(column.type)) is not None:
        return None
    if column.type.is_float or column.type in ("timestamp", "timestamptz"):
        return f"`{column.name}` is {column.type}: hardly two rows are alike in it", ()
    return None


def _condition(scope: Scope, dataset: str, part: str | None) -> Region | None:
    """The rows of a part, where it is one by a condition."""
    block = scope.stack.datasets.get(dataset)
    split = block.split if block is not None else None
    text = split.parts.get(part or "") if split is not None else None
    if not isinstance(text, str):
        return None
    columns = by_name(scope.tables[dataset].type)
    return holding(scope.services.binder.condition(text), columns)


def _unique(scope: Scope, name: str, column: str) -> Path | None:
    """The rule that says that no value of a column repeats, of the table or of what it takes."""
    found = (path for path, rule in kept_rules(scope, name) if rule.unique == (column,))
    return next(found, None)
