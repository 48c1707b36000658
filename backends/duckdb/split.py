"""Split a table into parts, each in the table's order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.duckdb import shares
from backends.duckdb.connection import Connection, only_row, over, write
from backends.duckdb.text import name, names
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.operations import Split

_SOURCE = 'SELECT * FROM "table"'


def split(operation: Split, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Write the parts; rows that belong to none are left out and counted.

    Raises:
        StackcError: E312 when predicates overlap, E714 when a part is empty.
    """
    paths = {part: context.workdir / f"{part}.parquet" for part in _parts(operation)}
    # One thread: the rows keep their order and the files their bytes.
    with over(context, {"table": inputs["table"]}, threads=1) as connection:
        selects = _selects(operation, connection, context)
        counts = {p: _write(connection, sql, paths[p], p, context) for p, sql in selects.items()}
        rows = only_row(connection, f"SELECT count(*) FROM ({_SOURCE})")
    _refuse_empty(counts, rows[0])
    return Outcome(paths, {**counts, "left_out": rows[0] - sum(counts.values())})


def _parts(operation: Split) -> tuple[str, ...]:
    return tuple(part for part, _ in operation.fractions or operation.predicates)


def _write(connection: Connection, sql: str, path: Path, part: str, context: TaskContext) -> int:
    context.progress(f"writing {part}")
    return write(connection, sql, path)


def _refuse_empty(counts: Mapping[str, int], rows: int) -> None:
    empty = [part for part, count in counts.items() if count == 0]
    if empty:
        shown = ", ".join(f"`{part}`" for part in empty)
        raise fail(
            Code.TOO_FEW_ROWS,
            f"the split leaves no rows for {shown}",
            help="change the split so that every part gets rows",
            notes=(f"the table has {rows} rows",),
        )


def _selects(operation: Split, connection: Connection, context: TaskContext) -> dict[str, str]:
    """A SELECT for each part."""
    if operation.predicates:
        _refuse_overlap(operation, connection)
        return {part: f"{_SOURCE} WHERE ({sql}\n)" for part, sql in operation.predicates}
    context.progress("dealing rows to parts")
    if operation.group:
        return _by_groups(operation, connection)
    parts = _row_parts(operation, connection)
    _register(connection, "__parts", {"__part": parts})
    joined = f"({_SOURCE}) POSITIONAL JOIN __parts"
    return {
        part: f"SELECT * EXCLUDE (__part) FROM {joined} WHERE __part = {i}"
        for i, part in enumerate(_parts(operation))
    }


def _refuse_overlap(operation: Split, connection: Connection) -> None:
    hits = [f"CASE WHEN ({sql}\n) THEN 1 ELSE 0 END" for _, sql in operation.predicates]
    twice = only_row(
        connection, f'SELECT count(*) FILTER (WHERE {" + ".join(hits)} > 1) FROM "table"'
    )
    if not twice[0]:
        return
    pairs = [(a, b) for i, a in enumerate(operation.predicates) for b in operation.predicates[:i]]
    both = [f"count(*) FILTER (WHERE ({a[1]}\n) AND ({b[1]}\n))" for a, b in pairs]
    counts = only_row(connection, f'SELECT {", ".join(both)} FROM "table"')
    raise fail(
        Code.SPLIT,
        f"{twice[0]} rows belong to more than one part of the split",
        help="make the predicates exclude one another",
        notes=tuple(
            f"{count} rows are in both `{b[0]}` and `{a[0]}`"
            for (a, b), count in zip(pairs, counts, strict=True)
            if count
        ),
    )


def _row_parts(operation: Split, connection: Connection) -> NDArray[Any]:
    """The part of each row."""
    fractions = [fraction for _, fraction in operation.fractions]
    if operation.stratify is None:
        (count,) = only_row(connection, f"SELECT count(*) FROM ({_SOURCE})")
        return shares.assign(count, fractions, operation.seed)
    column = name(operation.stratify)
    connection.execute(
        f"CREATE TEMP TABLE __strata AS SELECT {column} AS s, "
        f"row_number() OVER (ORDER BY {column}) - 1 AS code "
        f'FROM (SELECT DISTINCT {column} FROM "table")'
    )
    rows = connection.execute(
        "SELECT code::INTEGER AS code FROM "
        f'(SELECT row_number() OVER () AS __row, {column} AS s FROM "table") t '
        "JOIN __strata ON t.s IS NOT DISTINCT FROM __strata.s ORDER BY __row"
    ).fetchnumpy()
    return shares.assign_strata(np.asarray(rows["code"]), fractions, operation.seed)


def _by_groups(operation: Split, connection: Connection) -> dict[str, str]:
    """Whole groups to parts: a table of groups that the rows are joined with."""
    keys = names(operation.group)
    connection.execute(
        f"CREATE TEMP TABLE __groups AS SELECT {keys}, count(*) AS __rows "
        f'FROM "table" GROUP BY {keys} ORDER BY {keys}'
    )
    found = connection.execute("SELECT __rows FROM __groups").fetchnumpy()
    fractions = [fraction for _, fraction in operation.fractions]
    parts = shares.assign_groups(np.asarray(found["__rows"]), fractions, operation.seed)
    _register(connection, "__dealt", {"__part": parts})
    connection.execute(
        "CREATE TEMP TABLE __parts AS SELECT * FROM __groups POSITIONAL JOIN __dealt"
    )
    same = " AND ".join(
        f'"table".{name(key)} IS NOT DISTINCT FROM p.{name(key)}' for key in operation.group
    )
    return {
        part: f"{_SOURCE} WHERE EXISTS (SELECT 1 FROM __parts p WHERE p.__part = {i} AND {same})"
        for i, part in enumerate(_parts(operation))
    }


def _register(connection: Connection, table: str, columns: Mapping[str, NDArray[Any]]) -> None:
    import pyarrow as pa

    connection.register(table, pa.table(dict(columns)))
