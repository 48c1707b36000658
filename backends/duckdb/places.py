"""Where in the text of a query a column is computed."""

from __future__ import annotations

from backends.duckdb.items import item_around
from backends.duckdb.saying import chars
from backends.duckdb.shapes import Shape
from compiler.diagnostics import Place, Within


def nearest(
    sql: str, shape: Shape, computed: tuple[int, int] | None, item: tuple[int, int] | None
) -> Place:
    """Where a column is computed: its item in the list, or an expression deeper in the query."""
    if computed is None:
        return Place((), None if item is None else Within(*_stretch(sql, item)))
    start, end = shape.back(computed[0]), shape.back(sum(computed))
    if item is not None and item[0] <= start and end <= sum(item):
        return Place((), Within(*_stretch(sql, item)))
    # Of an operator the plan tells its sign alone.
    return Place((), Within(*item_around(sql, *_stretch(sql, (start, end - start)))))


def _stretch(sql: str, span: tuple[int, int]) -> tuple[int, int]:
    """A stretch of bytes in characters: its first, and how many."""
    start = chars(sql, span[0]) or 0
    return start, max(1, (chars(sql, sum(span)) or 0) - start)
