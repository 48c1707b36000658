"""JSON lines: an object a line, every value read as text and cast by the contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.duckdb.connection import Connection
from backends.duckdb.text import string, strings
from backends.files.csv_files import refuse_other_encoding
from backends.files.part import Part, Say, Wanted, empty, unreadable

_HEAD = 1 << 20
_OBJECT = 64 << 20


def open_jsonl(
    connection: Connection, files: Sequence[Path], wanted: Wanted, say: Say
) -> Sequence[Part]:
    """One part of all files: keys may come and go from line to line."""
    for file in files:
        _look(file, say(file))
    if wanted.columns is None:
        columns = tuple((name, "VARCHAR") for name in keys(connection, files))
    else:
        columns = tuple(
            (c.name, "VARCHAR" if c.type.is_scalar else str(c.type)) for c in wanted.columns
        )
    return [Part(tuple(files), columns, lambda some: _scan(some, columns), "jsonl", first_line=1)]


def keys(connection: Connection, files: Sequence[Path]) -> list[str]:
    """All keys of the objects in the files, in the order in which they first appear."""
    listed = strings(str(f) for f in files)
    rows = connection.execute(
        "SELECT k, min(n) FROM (SELECT unnest(json_keys(json)) AS k, "
        "generate_subscripts(json_keys(json), 1) + 10000 * row_number() OVER () AS n FROM "
        f"read_json({listed}, format = 'newline_delimited', records = false, "
        f"columns = {{json: 'JSON'}}, maximum_object_size = {_OBJECT})) GROUP BY k ORDER BY 2, 1"
    ).fetchall()
    return [str(key) for key, _ in rows]


def _scan(files: Sequence[Path], columns: tuple[tuple[str, str], ...]) -> str:
    typed = ", ".join(f"{string(name)}: {string(kind)}" for name, kind in columns)
    return (
        f"read_json({strings(str(f) for f in files)}, format = 'newline_delimited', "
        f"records = true, columns = {{{typed}}}, maximum_object_size = {_OBJECT})"
    )


def _look(file: Path, name: str) -> None:
    with file.open("rb") as handle:
        head = handle.read(_HEAD)
    if not head.strip():
        empty(name)
    if b"\0" in head:
        unreadable(name, "is binary data, no JSON lines", "check its `format`")
    refuse_other_encoding(head, file, name)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        unreadable(
            name,
            "is not JSON lines: its first line is no object",
            "write one object a line, `{...}`, without a list around them",
        )
