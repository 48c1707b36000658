"""What is known of a table's columns after all of its rows were looked at."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from compiler.graph.types import Column

FEW = 30
"""No more values than this are listed."""


class Surveyed(Struct, frozen=True):
    """One column as its values are.

    Attributes:
        column: Its name and type, and whether nulls were seen.
        rows: Rows of the table.
        nulls: How many of them have no value here.
        distinct: Different values, about; exact where it is said to be ``unique``.
        unique: Whether no value stands twice; only texts and whole numbers are asked.
        low: The least value of numbers, dates and times.
        high: The greatest.
        late: The value that seven rows of ten do not exceed, of dates and times.
        values: Each value with its rows, the most frequent first, where they are few.
    """

    column: Column
    rows: int
    nulls: int
    distinct: int
    unique: bool = False
    low: Any = None
    high: Any = None
    late: Any = None
    values: tuple[tuple[Any, int], ...] = ()


class Spread(Struct, frozen=True):
    """How the rows of one value lie in time: the rows before a moment, and from it on."""

    before: int
    behind: int
