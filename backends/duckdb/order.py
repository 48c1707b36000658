"""How many threads a query may use and still write the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from backends.duckdb.connection import ROW_GROUP, Connection
from backends.duckdb.text import strings

_STEADY = frozenset(("PROJECTION", "PARQUET_SCAN", "READ_PARQUET"))


def threads_for(connection: Connection, select: str, files: Iterable[Path], threads: int) -> int:
    """All threads where the plan only scans and projects, else one.

    Joins, aggregates and windows yield their rows in the order in which
    threads finish; a filter or ragged input keeps the order but moves the
    bounds of the row groups. Only a plain scan over even row groups is the
    same file for any number of threads.
    """
    if threads < 2:
        return 1
    plan = connection.execute(f"EXPLAIN (FORMAT json) {select}").fetchall()[0][1]
    steady = all(_is_steady(node) for node in _nodes(json.loads(plan)))
    return threads if steady and all(_even(connection, file) for file in files) else 1


def _nodes(plan: Any) -> Iterator[dict[str, Any]]:
    waiting = list(plan)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.get("children", ()))


def _is_steady(node: dict[str, Any]) -> bool:
    return node["name"].strip() in _STEADY and "Filters" not in node.get("extra_info", {})


def _even(connection: Connection, file: Path) -> bool:
    """Whether all row groups but the last have the size that this module's writer uses."""
    rows = connection.execute(
        "SELECT DISTINCT row_group_id, row_group_num_rows "
        f"FROM parquet_metadata({strings([str(file)])}) ORDER BY row_group_id"
    ).fetchall()
    sizes = [int(size) for _, size in rows]
    return all(size == ROW_GROUP for size in sizes[:-1]) and sum(sizes[-1:]) <= ROW_GROUP
