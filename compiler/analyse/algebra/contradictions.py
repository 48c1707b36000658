"""Rules that no value passes: one alone, by the column's type, or several together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from compiler.analyse.algebra.conditions import conjuncts, stretch
from compiler.analyse.algebra.entries import Entry
from compiler.analyse.algebra.keys import said
from compiler.analyse.algebra.regions import Columns, Domain, contract, holding, whole
from compiler.analyse.services import Binder
from compiler.codes import Code
from compiler.diagnostics import Findings, Label, Place, Within

MOST = 100
"""Rules of one column up to which every pair is held against each other."""


def check_contradictions(
    entries: Sequence[Entry], columns: Columns, binder: Binder, findings: Findings
) -> set[str]:
    """Report what contradicts; returns the columns that need no further look."""
    broken: set[str] = set()
    sound: list[Entry] = []
    for entry in entries:
        if not entry.can_fail:
            continue
        if _alone(entry, columns, binder, findings):
            broken |= set(entry.passing.domains)
        else:
            sound.append(entry)
    by_column: dict[str, list[Entry]] = {}
    for entry in sound:
        for column in entry.passing.domains:
            by_column.setdefault(column, []).append(entry)
    for column, here in by_column.items():
        if _together(here, columns, column, findings):
            broken.add(column)
    return broken


def _alone(entry: Entry, columns: Columns, binder: Binder, findings: Findings) -> bool:
    """Whether a rule contradicts itself, or the types of its columns; then reported."""
    if entry.verb == "expression":
        return _expression_alone(entry, columns, binder, findings)
    for column, domain in entry.passing.domains.items():
        if domain.values.empty or not (contract(columns[column]).values & domain.values).empty:
            continue
        found = columns[column]
        findings.report(
            Code.RULE_BEYOND_TYPE if entry.hard else Code.RULES_DISAGREE,
            f"no value of `{found.name}` can pass: it is {found.type}, "
            f"which is {said(contract(found).values, found.type)}",
            entry.path,
            help="change the rule, or the column's type",
        )
        return True
    return False


def _expression_alone(entry: Entry, columns: Columns, binder: Binder, findings: Findings) -> bool:
    condition = binder.condition(str(entry.argument))
    held = holding(condition, columns)
    typed = whole(columns, held.domains)
    if not (held & typed).empty:
        return False
    column = next(n for n, domain in held.domains.items() if (domain & typed.of(n)).empty)
    parts = [p for p in conjuncts(condition) if column in holding(p, columns).domains]
    places = [found for part in parts if (found := stretch(part)) is not None]
    labels = tuple(Label("and this", Place(entry.path, Within(*place))) for place in places[:-1])
    kind = columns[column].type
    findings.report(
        Code.CONDITION_NEVER if entry.hard else Code.RULES_DISAGREE,
        f"this is never true: nothing is left for `{columns[column].name}`",
        entry.path,
        within=Within(*places[-1]) if places else None,
        labels=labels,
        help="one of the comparisons must be wrong"
        if labels
        else f"`{columns[column].name}` is {kind}",
    )
    return True


def _together(here: list[Entry], columns: Columns, column: str, findings: Findings) -> bool:
    if len(here) == 1 and here[0].verb != "expression":
        return False  # what it has to do with the contract is known already
    base = contract(columns[column])
    for some in ([e for e in here if e.hard], here):
        core = _core(some[:MOST], column, base)
        if core:
            _report(core, columns, column, base, findings)
            return True
    return False


def _core(entries: list[Entry], column: str, base: Domain) -> list[Entry]:
    """The fewest rules, the last of them necessary, that leave no value; none where some is left.

    A rule that asks for nulls alone is meant, and contradicts only what refuses nulls.
    """
    left = base
    for at, entry in enumerate(entries):
        only_nulls = entry.passing.of(column).values.empty
        after = left & entry.passing.of(column)
        if after.empty or (after.values.empty and not only_nulls and not left.values.empty):
            return _fewest(entries[: at + 1], column, base, after.empty)
        left = after
    return []


def _fewest(entries: list[Entry], column: str, base: Domain, nulls: bool) -> list[Entry]:
    kept = list(entries)
    for entry in entries[:-1]:
        others = [e for e in kept if e is not entry]
        left = _left(others, column, base)
        if left.empty or (left.values.empty and not nulls):
            kept = others
    return kept


def _left(entries: Iterable[Entry], column: str, base: Domain) -> Domain:
    return reduce(lambda domain, e: domain & e.passing.of(column), entries, base)


def _report(
    core: list[Entry], columns: Columns, column: str, base: Domain, findings: Findings
) -> None:
    name, last = columns[column].name, core[-1]
    hard = all(entry.hard for entry in core)
    rules = {1: "this rule and the contract", 2: "both rules"}.get(len(core), "all these rules")
    left = _left(core, column, base)
    what = f"value of `{name}`" if not last.passing.of(column).values.empty else "row"
    notes = [f"only rows in which `{name}` is null would pass"] if left.nulls else []
    if not hard:
        notes.append("this is no error: one of them only warns, sets rows aside or has a tolerance")
    findings.report(
        Code.RULES_CONTRADICT if hard else Code.RULES_DISAGREE,
        f"no {what} can pass {rules}: {last.wanted(columns, column)} here",
        last.path,
        labels=tuple(entry.label(columns, column) for entry in core[:-1]),
        help="change one of them",
        notes=tuple(notes),
    )
