"""Each rule of a table as the rows that pass it, with the place it was written at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from compiler.analyse.algebra.keys import is_discrete, key_of_value, said
from compiler.analyse.algebra.regions import (
    UNKNOWN,
    Columns,
    Domain,
    Region,
    from_bounds,
    passing,
)
from compiler.analyse.algebra.values import EVERYTHING, Values, members, points
from compiler.analyse.services import Binder
from compiler.diagnostics import Label, Path, Place
from specs.validation import Rule

_RANK = {"warn": 0, "quarantine": 1, "block": 2}


class Entry(Struct, frozen=True):
    """One rule of one column, or one expression.

    Attributes:
        rule: The rule that it is of.
        path: Where its argument stands.
        verb: Which rule it is.
        passing: The rows that pass; never too few.
        surely: Rows that are sure to pass; None where none are known.
        argument: The argument, to tell equal rules.
    """

    rule: Rule
    path: Path
    verb: str
    passing: Region
    surely: Region | None
    argument: Any

    @property
    def hard(self) -> bool:
        """Whether one row that breaks it stops the version."""
        return self.rule.on_failure == "block" and self.rule.tolerance == 0

    @property
    def kept(self) -> bool:
        """Whether no published row breaks it."""
        return self.rule.kept

    @property
    def can_fail(self) -> bool:
        """Whether any table breaks it: with a tolerance of 1 none does."""
        return self.rule.tolerance < 1

    def as_strict_as(self, other: Entry) -> bool:
        """Whether this one stops or tells whatever the other does, broken by the same rows.

        It acts at no more broken rows, and does no less: a version that is
        blocked has no rows to set aside, and rows that are set aside are told of.
        """
        mine, its = self.rule, other.rule
        return _RANK[mine.on_failure] >= _RANK[its.on_failure] and mine.tolerance <= its.tolerance

    def label(self, columns: Columns, column: str) -> Label:
        """The place, with what it lets a column be."""
        return Label(f"{self.wanted(columns, column)} here", Place(self.path))

    def wanted(self, columns: Columns, column: str) -> str:
        """What it lets a column be, in a few words."""
        domain = self.passing.of(column)
        if self.verb == "matches":
            return "this pattern is wanted"
        if domain.values.empty:
            return "null is wanted"
        if not domain.nulls and domain.values == EVERYTHING:
            return "nulls are refused"
        return f"{said(domain.values, columns[column].type)} is wanted"


def entries_of(name: str, rules: Iterable[Rule], columns: Columns, binder: Binder) -> list[Entry]:
    """What each rule says of rows, as far as it is plain, in the order of the spec."""
    found: list[Entry] = []
    for index, rule in enumerate(rules):
        path: Path = ("validation", name, index, rule.verb)
        found += _READERS[rule.verb](rule, path, columns, binder) if rule.verb in _READERS else ()
    return [*_with_patterns(found, binder)]


def _not_null(rule: Rule, path: Path, _: Columns, __: Binder) -> Iterator[Entry]:
    region = Domain(EVERYTHING, False)
    for index, column in enumerate(rule.not_null or ()):
        yield _plain(rule, (*path, index), column, region, None)


def _between(rule: Rule, path: Path, columns: Columns, _: Binder) -> Iterator[Entry]:
    for column, bounds in (rule.between or {}).items():
        kind = columns[column.lower()].type
        low, high = (None if v is None else key_of_value(v, kind) for v in bounds)
        if [low is None, high is None] == [v is None for v in bounds]:
            values = from_bounds(low, high, is_discrete(kind), kind.is_float)
            yield _plain(rule, (*path, column), column, Domain(values), bounds)


def _in_set(rule: Rule, path: Path, columns: Columns, _: Binder) -> Iterator[Entry]:
    for column, listed in (rule.in_set or {}).items():
        kind = columns[column.lower()].type
        keys = [key_of_value(value, kind) for value in listed]
        if None not in keys:
            domain = Domain(points(keys, is_discrete(kind)))
            yield _plain(rule, (*path, column), column, domain, listed)


def _matches(rule: Rule, path: Path, _: Columns, __: Binder) -> Iterator[Entry]:
    for column, pattern in (rule.matches or {}).items():
        yield Entry(rule, (*path, column), rule.verb, Region({column.lower(): Domain()}, False),
                    None, pattern)  # fmt: skip


def _expression(rule: Rule, path: Path, columns: Columns, binder: Binder) -> Iterator[Entry]:
    region = passing(binder.condition(rule.expression or ""), columns)
    yield Entry(rule, path, rule.verb, region, region if region.exact else None, rule.expression)


_READERS = {
    "not_null": _not_null,
    "between": _between,
    "in_set": _in_set,
    "matches": _matches,
    "expression": _expression,
}


def _plain(rule: Rule, path: Path, column: str, domain: Domain, argument: Any) -> Entry:
    region = Region({column.lower(): domain})
    return Entry(rule, path, rule.verb, region, region, argument)


def _with_patterns(found: list[Entry], binder: Binder) -> Iterator[Entry]:
    """The entries, each pattern held against the texts that other rules name."""
    asked = {column for e in found if e.verb == "matches" for column in e.passing.domains}
    texts = {column: _named(found, column) for column in asked}
    for entry in found:
        if entry.verb != "matches":
            yield entry
            continue
        (column,) = entry.passing.domains
        yield _matched(entry, column, texts, binder)


def _named(found: list[Entry], column: str) -> tuple[str, ...]:
    """All texts that rules of a column name one by one."""
    listed = (members(e.passing.of(column).values, False) for e in found if e.surely)
    return tuple(dict.fromkeys(text for keys in listed if keys for text in keys))


def _matched(
    entry: Entry, column: str, texts: Mapping[str, tuple[str, ...]], binder: Binder
) -> Entry:
    known = texts[column]
    if not known:
        return Entry(entry.rule, entry.path, entry.verb, UNKNOWN, None, entry.argument)
    fits = binder.matching(entry.argument, known)
    hit = points((text for text, fit in zip(known, fits, strict=True) if fit), False)
    may: Values = ~points(known, False) | hit
    passing = Region({column: Domain(may)}, False)
    return Entry(
        entry.rule, entry.path, entry.verb, passing, Region({column: Domain(hit)}), entry.argument
    )
