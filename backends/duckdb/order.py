"""How many threads a query may use and still write the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from backends.duckdb.connection import ROW_GROUP, Connection
from backends.duckdb.parquet import row_groups

_SCANS = frozenset(("PARQUET_SCAN", "READ_PARQUET"))
_STEADY = _SCANS | {"PROJECTION"}
_BY_ROWS = _STEADY | {"FILTER"}


def threads_for(connection: Connection, select: str, files: Iterable[Path], threads: int) -> int:
    """All threads where the plan only scans and projects, else one.

    Joins, aggregates and windows yield their rows in the order in which
    threads finish; a filter or ragged input keeps the order but moves the
    bounds of the row groups. Only a plain scan over even row groups is the
    same file for any number of threads.
    """
    if threads < 2:
        return 1
    steady = all(_is_steady(node) for node in _plan(connection, select))
    return threads if steady and all(_even(connection, file) for file in files) else 1


def goes_by_rows(connection: Connection, select: str) -> bool:
    """Whether each row of the result comes of one row of one table, whatever its other rows are."""
    kinds = [node["name"].strip() for node in _plan(connection, select)]
    return {*kinds} <= _BY_ROWS and sum(kind in _SCANS for kind in kinds) == 1


def _plan(connection: Connection, select: str) -> Iterator[dict[str, Any]]:
    """The operators of a query, from its result to its tables."""
    plan = connection.execute(f"EXPLAIN (FORMAT json) {select}").fetchall()[0][1]
    waiting = list(json.loads(plan))
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.get("children", ()))


def _is_steady(node: dict[str, Any]) -> bool:
    return node["name"].strip() in _STEADY and "Filters" not in node.get("extra_info", {})


def _even(connection: Connection, file: Path) -> bool:
    """Whether all row groups but the last have the size that this module's writer uses."""
    sizes = row_groups(connection, file)
    return all(size == ROW_GROUP for size in sizes[:-1]) and sum(sizes[-1:]) <= ROW_GROUP
