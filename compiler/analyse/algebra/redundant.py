"""Rules and values that have no effect, because another rule or the contract says more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.analyse.algebra.contradictions import MOST
from compiler.analyse.algebra.entries import Entry
from compiler.analyse.algebra.keys import is_discrete, said, shown, type_values
from compiler.analyse.algebra.regions import Columns, contract, whole
from compiler.analyse.algebra.values import Values, members
from compiler.codes import Code
from compiler.diagnostics import Findings, Label, Place

_LISTED = 5


def check_redundant(
    entries: Sequence[Entry], columns: Columns, broken: set[str], findings: Findings
) -> None:
    """Report rules that add nothing and values that can never be; ``broken`` columns are left."""
    telling: list[Entry] = []
    by_column: dict[str, list[Entry]] = {}
    for entry in entries:
        domains = entry.passing.domains
        if not domains or not entry.can_fail or not broken.isdisjoint(domains):
            continue
        if _by_contract(entry, columns):
            _tell_contract(entry, columns, findings)
            continue
        telling.append(entry)
        for column in domains:
            by_column.setdefault(column, []).append(entry)
    idle = _implied(telling, by_column, columns, findings)
    for column, here in by_column.items():
        if any(entry.verb == "in_set" for entry in here):
            _dead_values(here[:MOST], idle, columns, column, findings)


def _by_contract(entry: Entry, columns: Columns) -> bool:
    if entry.surely is None:
        return False
    return all(contract(columns[c]) <= d for c, d in entry.surely.domains.items())


def _tell_contract(entry: Entry, columns: Columns, findings: Findings) -> None:
    name, domain = next(iter(entry.passing.domains.items()))
    column = columns[name]
    why = f"is {column.type}" if domain.nulls else "is never null"
    findings.report(
        Code.RULE_BY_CONTRACT,
        f"this rule can never be broken: `{column.name}` {why}",
        entry.path,
        help="remove it: the column's type and contract make sure of it",
    )


def _dead_values(
    here: list[Entry], idle: list[Entry], columns: Columns, column: str, findings: Findings
) -> None:
    """Values of an ``in_set`` that another rule, at least as strict, refuses."""
    kind = columns[column].type
    for entry in here:
        if entry.verb != "in_set" or any(entry is other for other in idle):
            continue
        listed = entry.passing.of(column).values
        for other in here:
            refuses = other is not entry and other.as_strict_as(entry)
            if refuses and not listed <= other.passing.of(column).values:
                dead = listed & ~other.passing.of(column).values
                _tell_dead(entry, other, dead, columns, column, findings)
                break
        else:
            beyond = listed & ~type_values(kind)
            if not beyond.empty:
                _tell_dead(entry, None, beyond, columns, column, findings)


def _tell_dead(
    entry: Entry,
    other: Entry | None,
    dead: Values,
    columns: Columns,
    column: str,
    findings: Findings,
) -> None:
    kind = columns[column].type
    keys = members(dead, is_discrete(kind)) or ()
    listed = ", ".join(shown(key, kind) for key in keys[:_LISTED])
    more = f" and {len(keys) - _LISTED} more" if len(keys) > _LISTED else ""
    why = "another rule refuses it" if len(keys) == 1 else "another rule refuses them"
    if other is None:
        why = f"`{columns[column].name}` is {kind}, {said(contract(columns[column]).values, kind)}"
    findings.report(
        Code.VALUE_NEVER,
        f"{listed}{more} can never pass: {why}",
        entry.path,
        labels=(other.label(columns, column),) if other else (),
        help=f"remove {'it' if len(keys) == 1 else 'them'}, or change the other rule"
        if other
        else "remove what the type cannot hold",
    )


def _implied(
    entries: Sequence[Entry],
    by_column: Mapping[str, list[Entry]],
    columns: Columns,
    findings: Findings,
) -> list[Entry]:
    """Report rules that add nothing to another one; returns them."""
    idle: list[Entry] = []
    order = {id(entry): at for at, entry in enumerate(entries)}
    for entry in entries:
        first = next(iter(entry.passing.domains))
        for other in by_column[first][:MOST] if entry.surely is not None else ():
            if other is entry or not _covers(other, entry, columns):
                continue
            # Of two that say the same the second one is told of.
            if _covers(entry, other, columns) and order[id(entry)] < order[id(other)]:
                continue
            _tell_implied(entry, other, columns, first, findings)
            idle.append(entry)
            break
    return idle


def _covers(strict: Entry, entry: Entry, columns: Columns) -> bool:
    """Whether the first rule is broken, with no less to follow, whenever the second one is."""
    if entry.surely is None or not strict.as_strict_as(entry):
        return False
    left = strict.passing & whole(columns, entry.surely.domains)
    return all(left.of(c) <= domain for c, domain in entry.surely.domains.items())


def _tell_implied(
    entry: Entry, other: Entry, columns: Columns, column: str, findings: Findings
) -> None:
    same = entry.verb == other.verb and entry.passing == other.passing
    message = "this rule stands here twice" if same else "this rule adds nothing to another one"
    label = Label("first here", Place(other.path)) if same else other.label(columns, column)
    findings.report(
        Code.RULE_IMPLIED,
        message,
        entry.path,
        labels=(label,),
        help="remove it" if same else "remove it, or make it stricter than the other one",
    )
