"""After a failed ingest: which file, row, column and value it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from backends.duckdb.connection import Connection, failure, message_of, only_row
from backends.duckdb.text import name, string, strings
from backends.files.casts import MISFIT, Cast, cast
from backends.files.csv_files import bad_byte
from backends.files.jsonl_files import keys
from backends.files.part import Part, Say, missing_columns
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.types import Column

_LONGEST = 80
_REASONS = {
    "Value with unterminated quote": "a quoted value is not closed",
    "Maximum line size": "the line is longer than 16 MB",
    "state machine reached an invalid state": "its lines end in different ways, or a quote is odd",
}
"""What the engine says in its own words, and what it means."""


def explain(
    error: duckdb.Error,
    connection: Connection,
    parts: Sequence[Part],
    columns: Sequence[Column],
    say: Say,
) -> StackcError:
    """The finding for an ingest that the engine stopped."""
    text = str(error)
    if MISFIT in text:
        for part in parts:
            for file in part.files:
                found = _first_misfit(connection, part, file, columns, say)
                if found is not None:
                    return found
    if isinstance(error, duckdb.BinderException):
        found = _impossible_cast(connection, parts, columns, say)
        if found is not None:
            return found
    return broken(error, [file for part in parts for file in part.files], say)


def _first_misfit(
    connection: Connection, part: Part, file: Path, columns: Sequence[Column], say: Say
) -> StackcError | None:
    """The first value of a file that does not fit its column."""
    types = dict(part.columns)
    reads = [cast(column, types[column.name], part.blank_is_null) for column in columns]
    cases = " ".join(f"WHEN {c.misfit} THEN {i}" for i, c in enumerate(reads) if not c.plain)
    if not cases:
        return None
    texts = ", ".join(f"CAST({name(c.column)} AS VARCHAR)" for c in reads)
    rows = connection.execute(
        f"SELECT __row, __which, list_value({texts})[__which + 1] FROM (SELECT *, "
        f"CASE {cases} END AS __which, row_number() OVER () AS __row "
        f"FROM {part.scan([file])}) WHERE __which IS NOT NULL ORDER BY __row LIMIT 1"
    ).fetchall()
    if not rows:
        return None
    row, which, value = rows[0]
    column = columns[which]
    where = _where(connection, part, file, int(row), say)
    return _misfit(column, where, str(value), part.format == "csv")


def _misfit(column: Column, where: str, value: str, csv: bool) -> StackcError:
    shown = value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
    text = "a value" if column.is_private else f'"{shown}"'
    helps = ["mend the data, or give the column a type in `columns` that holds it"]
    if csv:
        helps.append("texts that mean null, such as NA, are listed in `csv: {null_values: [...]}`")
    return fail(
        Code.VALUE_TYPE,
        f"{where}: column `{column.name}` has {text}, which is no {column.type}",
        help=tuple(helps),
    )


def _where(connection: Connection, part: Part, file: Path, row: int, say: Say) -> str:
    """A row's place: its line where rows are lines, else its number from 1."""
    if part.first_line is None:
        return f"`{say(file)}` row {row}"
    # A quoted value may run over several lines.
    breaks = " + ".join(
        f"coalesce(length({name(c)}) - length(replace({name(c)}, chr(10), '')), 0)"
        for c, _ in part.columns
        if part.format == "csv"
    )
    inside = 0
    if breaks:
        numbered = f"SELECT *, row_number() OVER () AS __row FROM {part.scan([file])}"
        counted = f"SELECT coalesce(sum({breaks}), 0) FROM ({numbered}) WHERE __row < {row}"
        inside = int(only_row(connection, counted)[0])
    return f"`{say(file)}` line {part.first_line + row - 1 + inside}"


def _impossible_cast(
    connection: Connection, parts: Sequence[Part], columns: Sequence[Column], say: Say
) -> StackcError | None:
    """A column whose type has no conversion to the contract's at all."""
    for part in parts:
        types = dict(part.columns)
        for column in columns:
            read = cast(column, types[column.name], part.blank_is_null)
            try:
                scan = f"(SELECT NULL::{types[column.name]} AS {name(column.name)})"
                connection.execute(f"SELECT {read.checked} FROM {scan}").fetchall()
            except duckdb.Error:
                return fail(
                    Code.VALUE_TYPE,
                    f"`{say(part.files[0])}`: column `{column.name}` is {types[column.name]}, "
                    f"which cannot become {column.type}",
                    help="change the column's type in `columns`",
                )
    return None


def broken(error: duckdb.Error, files: Sequence[Path], say: Say) -> StackcError:
    """The finding for a file that is broken inside, or for a machine too small to read it."""
    if "No space left" in str(error) or isinstance(error, duckdb.OutOfMemoryException):
        return failure(error)
    named = next((f for f in files if str(f) in str(error)), files[0])
    if "unicode" in str(error).lower() or "utf" in str(error).lower():
        for file in [named, *files]:
            bad_byte(file, say(file))
    line = re.search(r"(?:CSV Error on Line:|in line) (\d+)", str(error))
    where = f"`{say(named)}` line {line[1]}" if line else f"`{say(named)}`"
    reason = _reason(error)
    return fail(
        Code.SOURCE_UNREADABLE,
        f"{where} cannot be read: {reason}",
        help="mend or write the file again",
    )


def _reason(error: duckdb.Error) -> str:
    """What the engine says is wrong, without its advice and the names of its own objects."""
    text = message_of(error)
    for said, reason in _REASONS.items():
        if said in str(error):
            return reason
    wanted = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", str(error))
    if wanted is not None:
        return f"{wanted[2]} values where the header has {wanted[1]} columns"
    text = re.sub(r"^reading the stream registered as '[^']*' failed: (?:Invalid: )?", "", text)
    text = re.split(r"Detail: Python exception|\n", text)[0]
    text = re.sub(r'^[\w ]+ (?:in )?file "[^"]*"(?:, |: )?', "", text)
    return text.strip().rstrip(".") or "it is damaged"


def refuse_nulls(
    connection: Connection,
    table: Path,
    parts: Sequence[Part],
    columns: Sequence[Column],
    say: Say,
) -> None:
    """Refuse nulls where the contract has none, and columns that no JSON object has."""
    rows = connection.execute(
        "SELECT path_in_schema, sum(stats_null_count), sum(num_values) "
        f"FROM parquet_metadata({strings([str(table)])}) GROUP BY path_in_schema"
    ).fetchall()
    nulls = {str(path): (int(count or 0), int(values)) for path, count, values in rows}
    for column in columns:
        count, values = nulls.get(column.name, (0, 1))
        if count == values:
            _refuse_missing_key(connection, parts, column, columns, say)
        if count and not column.nullable:
            raise _null(connection, parts, column, count, say)


def _refuse_missing_key(
    connection: Connection,
    parts: Sequence[Part],
    column: Column,
    columns: Sequence[Column],
    say: Say,
) -> None:
    part = parts[0]
    if part.format != "jsonl":
        return
    present = keys(connection, part.files)
    if column.name not in present:
        asked = [other.name for other in columns]
        missing_columns([column.name], asked, present, say(part.files[0]))


def _null(
    connection: Connection, parts: Sequence[Part], column: Column, count: int, say: Say
) -> StackcError:
    """Where the first of the nulls is that may not be."""
    for part in parts:
        read: Cast = cast(column, dict(part.columns)[column.name], part.blank_is_null)
        known = f"{name(column.name)} IS NOT NULL" if read.plain else read.known
        for file in part.files:
            rows = connection.execute(
                f"SELECT min(__row) FROM (SELECT *, row_number() OVER () AS __row "
                f"FROM {part.scan([file])}) WHERE NOT ({known})"
            ).fetchall()
            if rows and rows[0][0] is not None:
                where = _where(connection, part, file, int(rows[0][0]), say)
                return fail(
                    Code.VALUE_TYPE,
                    f"{where}: column `{column.name}` has no value, and may not be null",
                    help="mend the data, or say `nullable: true`",
                    notes=(f"it is missing in {count} row{'s' if count > 1 else ''}",),
                )
    return fail(Code.VALUE_TYPE, f"column `{column.name}` has {string(str(count))} nulls")
