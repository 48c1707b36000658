"""Which rows a condition lets through, as one set of values per column.

A region may be too large and never too small: what it leaves out is proven to
be out. ``exact`` says that it is not too large either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, TypeAlias

from msgspec import Struct, field

from compiler.analyse.algebra.conditions import All, Condition, Not, Some, Test
from compiler.analyse.algebra.keys import is_discrete, key_of, type_values
from compiler.analyse.algebra.values import (
    EVERYTHING,
    HIGHEST,
    LOWEST,
    NOTHING,
    Values,
    before,
    behind,
    points,
    union,
)
from compiler.graph.types import Column, TableType

Columns: TypeAlias = Mapping[str, Column]
"""Columns by their names in small letters: SQL does not tell the case."""


class Domain(Struct, frozen=True):
    """What a column may hold: values, and whether nulls."""

    values: Values = EVERYTHING
    nulls: bool = True

    @property
    def empty(self) -> bool:
        """Whether not even a null is left."""
        return self.values.empty and not self.nulls

    def __and__(self, other: Domain) -> Domain:
        return Domain(self.values & other.values, self.nulls and other.nulls)

    def __or__(self, other: Domain) -> Domain:
        return Domain(self.values | other.values, self.nulls or other.nulls)

    def __le__(self, other: Domain) -> bool:
        return self.values <= other.values and (other.nulls or not self.nulls)


ANY = Domain()


class Region(Struct, frozen=True):
    """Rows: what is said of each column; one that is not named may hold anything."""

    domains: Mapping[str, Domain] = field(default_factory=dict)
    exact: bool = True

    @property
    def empty(self) -> bool:
        """Whether it is proven that there is no such row."""
        return any(domain.empty for domain in self.domains.values())

    def of(self, column: str) -> Domain:
        """What is said of a column."""
        return self.domains.get(column, ANY)

    def __and__(self, other: Region) -> Region:
        names = {**self.domains, **other.domains}
        found = {name: self.of(name) & other.of(name) for name in names}
        return Region(found, self.exact and other.exact)

    def __or__(self, other: Region) -> Region:
        if self.empty or other.empty:
            return other if self.empty else self
        shared = [name for name in self.domains if name in other.domains]
        found = {name: self.of(name) | other.of(name) for name in shared}
        # Only along one column is the union of two boxes a box.
        alike = len(shared) <= 1 and len(shared) == len(self.domains) == len(other.domains)
        return Region(found, self.exact and other.exact and alike)


UNKNOWN = Region(exact=False)


def by_name(table: TableType) -> Columns:
    """A table's columns as conditions find them."""
    return {column.name.lower(): column for column in table.columns}


def contract(column: Column) -> Domain:
    """What a column may hold by its type and its contract."""
    return Domain(type_values(column.type), column.nullable)


def whole(columns: Columns, names: Iterable[str]) -> Region:
    """What the contract says of some columns."""
    return Region({name: contract(columns[name]) for name in names})


def holding(condition: Condition, columns: Columns) -> Region:
    """The rows of which a condition is true."""
    return _read(condition, columns, False, True)


def passing(condition: Condition, columns: Columns) -> Region:
    """The rows of which a condition is not false: those that pass it as a rule."""
    return _read(condition, columns, False, False)


def _read(condition: Condition, columns: Columns, negated: bool, surely: bool) -> Region:
    if isinstance(condition, Not):
        return _read(condition.part, columns, not negated, surely)
    if isinstance(condition, All | Some):
        parts = [_read(part, columns, negated, surely) for part in condition.parts]
        # De Morgan's laws hold with nulls, too.
        joined: Callable[[Any, Any], Any] = (
            Region.__and__ if isinstance(condition, All) != negated else Region.__or__
        )
        return reduce(joined, parts)
    if isinstance(condition, Test):
        return _tested(condition, columns, negated, surely)
    return UNKNOWN


def _tested(test: Test, columns: Columns, negated: bool, surely: bool) -> Region:
    column = columns.get(test.column.lower())
    if column is None:
        return UNKNOWN
    if test.op == "null":
        domain = Domain(EVERYTHING, False) if negated else Domain(NOTHING, True)
        return Region({test.column.lower(): domain})
    values = _true_of(test, column)
    if values is None:
        return UNKNOWN
    # Of a null a comparison is null: neither true nor false.
    domain = Domain(~values if negated else values, not surely)
    return Region({test.column.lower(): domain})


def _true_of(test: Test, column: Column) -> Values | None:
    """The values of which a comparison is true; None where that is not known."""
    discrete = is_discrete(column.type)
    if test.op == "true":
        return points([1], True) if column.type == "bool" else None
    keys = [key_of(constant, column.type) for constant in test.constants]
    if not keys or any(key is None for key in keys):
        return None
    if test.op in ("=", "in"):
        return points(keys, discrete)
    edge = before(keys[0], discrete) if test.op == "<" else behind(keys[0], discrete)
    return union([(LOWEST, edge)])


def from_bounds(low: Any, high: Any, discrete: bool, floats: bool) -> Values:
    """What lies between two keys, both in; None is no bound, yet it lets no NaN through."""
    top = behind(high, discrete) if high is not None else HIGHEST
    if high is None and floats:
        top = behind(float("inf"), False)
    return union([(LOWEST if low is None else before(low, discrete), top)])
