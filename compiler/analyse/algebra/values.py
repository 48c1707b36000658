"""Sets of values of one column: unions of intervals over ordered keys.

A *cut* lies between two keys: ``(0, key, 0)`` before a key, ``(0, key, 1)``
behind it. An interval is the pair of cuts around it, so that open and closed
ends need no cases of their own. Of discrete keys (integers, days) what lies
behind one is what lies before the next: ``> 3`` and ``>= 4`` are one cut.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeAlias

from msgspec import Struct

Key: TypeAlias = Any
"""A value as it is ordered: of one column all are numbers, or all are texts."""
Cut: TypeAlias = tuple[Any, ...]
Span: TypeAlias = tuple[Cut, Cut]

LOWEST: Cut = (-1,)
HIGHEST: Cut = (1,)
"""Above every number, NaN too: DuckDB orders it behind infinity."""


class Values(Struct, frozen=True):
    """A set of values that are not null: disjoint spans in order."""

    spans: tuple[Span, ...]

    @property
    def empty(self) -> bool:
        """Whether there is none."""
        return not self.spans

    def __and__(self, other: Values) -> Values:
        found: list[Span] = []
        left, right = iter(self.spans), iter(other.spans)
        a, b = next(left, None), next(right, None)
        while a is not None and b is not None:
            low, high = max(a[0], b[0]), min(a[1], b[1])
            if low < high:
                found.append((low, high))
            if a[1] < b[1]:
                a = next(left, None)
            else:
                b = next(right, None)
        return Values(tuple(found))

    def __or__(self, other: Values) -> Values:
        return union((*self.spans, *other.spans))

    def __invert__(self) -> Values:
        edges = [LOWEST, *(cut for span in self.spans for cut in span), HIGHEST]
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return Values(tuple((low, high) for low, high in pairs if low < high))

    def __le__(self, other: Values) -> bool:
        others = iter(other.spans)
        around = next(others, None)
        for low, high in self.spans:
            # Spans never touch, so one that lies within lies within a single one.
            while around is not None and around[1] <= low:
                around = next(others, None)
            if around is None or low < around[0] or around[1] < high:
                return False
        return True


def union(spans: Iterable[Span]) -> Values:
    """The set of all that lies in one of the spans; empty spans are dropped."""
    found: list[Span] = []
    for low, high in sorted(span for span in spans if span[0] < span[1]):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return Values(tuple(found))


NOTHING = Values(())
EVERYTHING = Values(((LOWEST, HIGHEST),))


def before(key: Key, discrete: bool) -> Cut:
    """The cut below a key."""
    return (0, math.ceil(key), 0) if discrete else (0, key, 0)


def behind(key: Key, discrete: bool) -> Cut:
    """The cut above a key."""
    return (0, math.floor(key) + 1, 0) if discrete else (0, key, 1)


def points(keys: Iterable[Key], discrete: bool) -> Values:
    """The set of these keys; of discrete ones those that are none of theirs are left out."""
    return union((before(key, discrete), behind(key, discrete)) for key in keys)


def single(span: Span, discrete: bool) -> Key | None:
    """The one key of a span; None where it has several."""
    low, high = span
    if low == LOWEST or high == HIGHEST:
        return None
    if discrete:
        return low[1] if high[1] - low[1] == 1 else None
    return low[1] if low[1] == high[1] else None


def members(values: Values, discrete: bool) -> tuple[Key, ...] | None:
    """All keys of a set that was made of points; None where it has a range."""
    found: list[Key] = []
    for span in values.spans:
        if discrete and span[0] != LOWEST and span[1] != HIGHEST:
            if span[1][1] - span[0][1] > MOST:
                return None
            found += range(span[0][1], span[1][1])
            continue
        key = single(span, discrete)
        if key is None:
            return None
        found.append(key)
    return tuple(found)


MOST = 10_000
"""Keys of a range that are worth naming one by one."""
