"""Conditions that hold for no row of a table: by themselves, or by what its rules let through."""

from __future__ import annotations

from compiler.analyse.algebra.conditions import Condition, conjuncts, stretch
from compiler.analyse.algebra.entries import Entry
from compiler.analyse.algebra.regions import Columns, Region, holding, whole
from compiler.codes import Code
from compiler.diagnostics import Findings, Label, Path, Place, Within
from compiler.graph.types import Column


def check_condition(
    condition: Condition,
    what: str,
    path: Path,
    rules: tuple[Entry, ...],
    columns: Columns,
    findings: Findings,
) -> bool:
    """Report a condition that no row of the table holds; ``what`` says what it is for."""
    held = holding(condition, columns)
    column, blamed = _blame(held, rules, columns)
    if column is None:
        return False
    parts = [p for p in conjuncts(condition) if column in holding(p, columns).domains]
    places = [found for part in parts if (found := stretch(part)) is not None]
    inner = tuple(Label("and this", Place(path, Within(*place))) for place in places[:-1])
    name = columns[column].name
    findings.report(
        Code.CONDITION_NEVER,
        f"{what}: nothing is left for `{name}`",
        path,
        within=Within(*places[-1]) if places else None,
        labels=(*inner, *(entry.label(columns, column) for entry in blamed)),
        help=_way_out(bool(blamed), bool(inner), columns[column]),
    )
    return True


def _way_out(blamed: bool, several: bool, column: Column) -> str:
    if blamed:
        return "change the condition, or the rule"
    if several:
        return "one of the comparisons must be wrong"
    return f"`{column.name}` is {column.type}{'' if column.nullable else ' and never null'}"


def _blame(
    held: Region, rules: tuple[Entry, ...], columns: Columns
) -> tuple[str | None, list[Entry]]:
    """The column for which nothing is left, and the rules that take part in it."""
    typed = held & whole(columns, held.domains)
    for column in held.domains:
        left = typed.of(column)
        used: list[Entry] = []
        for entry in rules:
            if left.empty:
                break
            after = left & entry.passing.of(column)
            if after != left:
                used.append(entry)
            left = after
        if left.empty:
            return column, used
    return None, []
