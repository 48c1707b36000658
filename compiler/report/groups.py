"""The groups of an evaluation's fairness, as people read them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from msgspec import Struct

from compiler.graph.documents import Fairness, Grouping
from compiler.report.text_style import number, plural

MOST_GROUPS = 30
"""Groups of a grouping that a page shows."""


class DisparityRow(Struct, frozen=True):
    """One metric between groups: its value, what it is of, and the two groups that make it."""

    metric: str
    by: str
    value: float | None
    rate: str
    lowest: str
    highest: str
    remark: str


class GroupRow(Struct, frozen=True):
    """One group: its values, its rows and rates, and whether it counts."""

    name: str
    rows: int
    judged: bool
    rates: tuple[float | None, ...]


class GroupTable(Struct, frozen=True):
    """The groups by some columns. ``most`` is each rate's largest value, for bars."""

    by: str
    rates: tuple[str, ...]
    most: tuple[float, ...]
    disparities: tuple[DisparityRow, ...]
    rows: tuple[GroupRow, ...]
    left_out: int


def disparities(found: Fairness, hidden: Collection[str]) -> Iterator[DisparityRow]:
    """Every metric by every column, then by all of them at once.

    Of ``hidden`` columns no value is told.
    """
    for grouping in found["groupings"]:
        yield from _disparities(grouping, found["min_rows"], hidden)


def group_tables(found: Fairness) -> list[GroupTable]:
    """A table for each sensitive column, and one for all of them at once."""
    return [_table(grouping, found["min_rows"]) for grouping in found["groupings"]]


def _table(grouping: Grouping, least: int) -> GroupTable:
    groups = grouping["groups"]
    rates = tuple(groups[0]["rates"]) if groups else ()
    shown = groups[:MOST_GROUPS]
    values = [[g["rates"][rate] or 0.0 for g in shown] for rate in rates]
    return GroupTable(
        by=_by(grouping),
        rates=tuple(_words(rate) for rate in rates),
        most=tuple(max(of, default=0.0) for of in values),
        disparities=tuple(_disparities(grouping, least, ())),
        rows=tuple(
            GroupRow(
                _name(g["values"]), g["rows"], g["judged"], tuple(g["rates"][r] for r in rates)
            )
            for g in shown
        ),
        left_out=grouping["judged"] + grouping["small"] - len(shown),
    )


def _disparities(grouping: Grouping, least: int, hidden: Collection[str]) -> Iterator[DisparityRow]:
    """The metrics of one grouping; that it has groups which do not count is said once."""
    for index, found in enumerate(grouping["disparities"]):
        ends = [_end(grouping, found[end], found["rate"], hidden) for end in ("lowest", "highest")]
        yield DisparityRow(
            metric=found["metric"],
            by=_by(grouping),
            value=found["value"],
            rate=_words(found["rate"] or ""),
            lowest=ends[0],
            highest=ends[1],
            remark=found["remark"] or ("" if index else _small(grouping, least)),
        )


def _end(
    grouping: Grouping, values: Sequence[Any], rate: str | None, hidden: Collection[str]
) -> str:
    """A group at one end of a disparity, with its rate; nothing where none is at it."""
    group = next((g for g in grouping["groups"] if g["values"] == values), None)
    if group is None or rate is None:
        return ""
    told = zip(grouping["columns"], group["values"], strict=True)
    name = _name(["(hidden)" if column in hidden else value for column, value in told])
    return f"{name}: {number(group['rates'][rate])}"


def _small(grouping: Grouping, least: int) -> str:
    count = grouping["small"]
    if not count:
        return ""
    rows = "row" if least == 1 else "rows"
    return f"{plural(count, 'group')} below {least:,} {rows} not judged"


def _by(grouping: Grouping) -> str:
    return ", ".join(grouping["columns"])


def _name(values: Sequence[Any]) -> str:
    """The values of a group as the data has them."""
    return ", ".join(v if isinstance(v, str) else json.dumps(v, default=str) for v in values)


def _words(rate: str) -> str:
    return rate.replace("_", " ")
