"""Inference: the columns of a source whose spec declares none."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import duckdb

from backends.duckdb.connection import Connection, session
from backends.duckdb.text import name, strings
from backends.duckdb.types import from_duckdb
from backends.files import misfits
from backends.files.arrow_plain import is_numeric, plain_schema
from backends.files.casts import cast
from backends.files.connections import reading, target_of
from backends.files.origins import origin_of
from backends.files.part import Part, Wanted
from backends.files.read import OPENERS
from compiler.backend import Look, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.operations import Params
from compiler.graph.types import Column, DataType

SAMPLE = 50_000
"""Rows that the type of a text column is inferred from, in each of the first files."""
_FEW = 500
_WIDE = 40
"""Columns beyond which fewer rows are looked at, so that the number of values stays."""
_FILES = 8
_MEMORY = 1 << 30
_CANDIDATES = ("bool", "int64", "float64", "date", "timestamp", "timestamptz", "time")


def inspect_files(path: str, format: str, options: Params, look: Look) -> tuple[Column, ...]:
    """The columns that files have; of files that differ, those of the first.

    Text formats are read as ingest reads them: a column has the first type of
    bool, int64, float64, date, timestamp, timestamptz and time that holds all
    of a sample's values, else string. Numbers with leading zeros stay text.

    Raises:
        StackcError: E113, E701, E702, E703, E709 as for reading.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = looking(folder, look)
        named = origin_of(path, context).files(_FILES)
        with session(context, tuple(named)) as connection:
            return _columns(connection, named, format, Wanted(None, dict(options)))


def _columns(
    connection: Connection, named: Mapping[Path, str], format: str, wanted: Wanted
) -> tuple[Column, ...]:
    real, say = tuple(named), named.__getitem__
    try:
        parts = OPENERS[format](connection, real, wanted, say)
        if format in ("csv", "jsonl"):
            return _from_text(connection, parts, named[real[0]])
        required = _required(connection, real) if format == "parquet" else set()
    except duckdb.Error as error:
        raise misfits.broken(error, real, say) from error
    return tuple(Column(n, from_duckdb(t), n not in required) for n, t in parts[0].columns)


def _required(connection: Connection, files: Sequence[Path]) -> set[str]:
    """Columns of which every file's schema says that they are never null."""
    if len(files) >= _FILES:
        return set()  # there may be more files, which nobody has looked at
    rows = connection.execute(
        "SELECT name, count(*) FILTER (WHERE repetition_type = 'REQUIRED'), count(*), "
        f"max(coalesce(num_children, 0)) FROM parquet_schema({strings(map(str, files))}) "
        "WHERE name <> 'schema' OR num_children IS NULL GROUP BY name"
    ).fetchall()
    if any(children for *_, children in rows):
        return set()  # a field inside another one may be called as a column is
    return {str(n) for n, required, all_, _ in rows if required == all_ == len(files)}


def inspect_database(connection: str, sql: str, look: Look) -> tuple[Column, ...]:
    """The columns of a query's result, as the database types them.

    Raises:
        StackcError: E709 or E710 as for reading.
    """
    target = target_of(connection, look.secret(connection), look.project)
    with reading(target, sql) as reader:
        schema = plain_schema(reader.schema)
        numeric = {f.name for f in reader.schema if is_numeric(f.type)}
    with tempfile.TemporaryDirectory() as folder, session(looking(folder, look)) as engine:
        engine.register("__rows", schema.empty_table())
        rows = engine.execute("DESCRIBE SELECT * FROM __rows").fetchall()
    # PostgreSQL's numeric has no bound on its digits; a model wants a number all the same.
    return tuple(
        Column(str(r[0]), DataType("float64") if r[0] in numeric else from_duckdb(str(r[1])))
        for r in rows
    )


def _from_text(connection: Connection, parts: Sequence[Part], file: str) -> tuple[Column, ...]:
    """Types of text columns by what their values look like."""
    names = [column for column, _ in parts[0].columns]
    possible: dict[str, list[str]] = {column: list(_CANDIDATES) for column in names}
    seen: set[str] = set()
    rows = 0
    for part in parts[:_FILES]:
        shared = [column for column, _ in part.columns if column in possible]
        for member in part.files[:_FILES]:
            rows += _narrow(connection, part, member, shared, possible, seen)
    if not rows:
        raise fail(
            Code.SOURCE_EMPTY,
            f"`{file}` has no rows to infer its columns from",
            help="declare its `columns`, or check what should have written it",
        )
    found = {column: (possible[column] if column in seen else []) for column in names}
    return tuple(Column(c, DataType(next(iter(found[c]), "string"))) for c in names)


def _narrow(
    connection: Connection,
    part: Part,
    file: Path,
    columns: Sequence[str],
    possible: dict[str, list[str]],
    seen: set[str],
) -> int:
    """Drop the types that a value of the sample does not fit; returns the number of rows.

    A few rows rule out most types; only what is still likely is held against
    the whole sample. Columns that have a value at all are added to ``seen``.
    """
    if not columns:
        return int(connection.execute(f"SELECT count(*) FROM {part.scan([file])}").fetchall()[0][0])
    look = partial(_held, connection, part, file, possible=possible, seen=seen)
    rows = look(columns, _CANDIDATES, _FEW)
    waiting = list(columns)
    while waiting:
        likely = {column: possible[column][0] for column in waiting if possible[column]}
        for kind in dict.fromkeys(likely.values()):
            look([column for column in likely if likely[column] == kind], (kind,), SAMPLE)
        waiting = [c for c, kind in likely.items() if kind not in possible[c]]
    return rows


def _held(
    connection: Connection,
    part: Part,
    file: Path,
    columns: Sequence[str],
    kinds: Sequence[str],
    rows: int,
    *,
    possible: dict[str, list[str]],
    seen: set[str],
) -> int:
    """Hold the first rows of some columns against some types, as ``_narrow`` says."""
    # Columns become rows: a test for each column of a wide file would take minutes to plan.
    tests = ", ".join(_misfits("__value", kind, part.blank_is_null) for kind in kinds)
    listed = ", ".join(name(column) for column in columns)
    most = min(rows, max(100, rows * _WIDE // len(columns)))
    found = connection.execute(
        f"SELECT __column, count(*), count(__value), {tests} "
        f"FROM (SELECT {listed} FROM {part.scan([file])} LIMIT {most}) "
        f"UNPIVOT INCLUDE NULLS (__value FOR __column IN ({listed})) GROUP BY __column"
    ).fetchall()
    for column, _, known, *bad in found:
        odd = {kind for kind, count in zip(kinds, bad, strict=True) if count}
        possible[column] = [kind for kind in possible[column] if kind not in odd]
        if known:
            seen.add(column)
    return max((int(row[1]) for row in found), default=0)


def _misfits(column: str, kind: str, blank_is_null: bool) -> str:
    """How many values of a text column are not of a type, by the strictest reading of it."""
    read = cast(Column(column, DataType(kind)), "VARCHAR", blank_is_null)
    x = name(column)
    odd = {
        "bool": f"lower({x}) NOT IN ('true', 'false')",
        "int64": f"regexp_matches({x}, '^[+-]?0[0-9]|\\.')",
        # A number that no whole type holds is a name made of digits: a float would round it.
        "float64": f"regexp_matches({x}, '^[+-]?0[0-9]') OR "
        f"(regexp_full_match({x}, '[+-]?[0-9]+') AND try_cast({x} AS BIGINT) IS NULL)",
        "date": f"NOT regexp_full_match({x}, '\\d{{4}}-\\d{{1,2}}-\\d{{1,2}}')",
        "timestamp": f"NOT regexp_full_match({x}, '\\d{{4}}-\\d{{1,2}}-\\d{{1,2}}[ T][0-9:.]+')",
        "timestamptz": f"NOT regexp_full_match({x}, '\\d{{4}}-\\d{{1,2}}-\\d{{1,2}}[ T].+')",
        "time": f"NOT regexp_full_match({x}, '\\d{{1,2}}:\\d\\d(:[0-9.]+)?')",
    }[kind]
    return f"count(*) FILTER (WHERE {read.misfit} OR ({read.known} AND {odd}))"


def looking(folder: str, look: Look) -> TaskContext:
    """A context for looking at files before there is a task."""
    path = Path(folder).resolve()
    return TaskContext(
        address="", key="", input_keys={}, observed=None, project=look.project, state=path,
        workdir=path, threads=1, memory=_MEMORY, settings=look.settings, secret=look.secret,
        progress=lambda _: None,
    )  # fmt: skip
