"""Parquet files: read by DuckDB; Arrow's extension types are refused, for they may hold code."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path

import duckdb

from backends.duckdb.connection import Connection, message_of
from backends.duckdb.text import string, strings
from backends.files.part import Part, Say, Wanted, empty, grouped, twice, unreadable

PICKLED = (b"ray.data.", b"arrow.py_extension_type")
"""Names of Arrow extension types whose metadata readers would unpickle."""


def open_parquet(
    connection: Connection, files: Sequence[Path], _wanted: Wanted, say: Say
) -> Sequence[Part]:
    """Parts of Parquet files, by their schemas."""
    columns = [_columns(connection, file, say(file)) for file in files]
    return [
        Part(
            members, names, lambda some: f"read_parquet({strings(str(f) for f in some)})", "parquet"
        )
        for members, names in grouped(files, columns)
    ]


def _columns(connection: Connection, file: Path, name: str) -> tuple[tuple[str, str], ...]:
    if file.stat().st_size == 0:
        empty(name)
    scan = f"read_parquet({strings([str(file)])})"
    try:
        _refuse_pickles(connection, file, name)
        rows = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    except duckdb.Error as error:
        cut = "too small" in str(error) or "magic" in str(error).lower() or "footer" in str(error)
        why = (
            "is no Parquet file, or one that was cut short" if cut else "cannot be read as Parquet"
        )
        unreadable(name, why, "write it again; a Parquet file is whole or useless",
                   notes=(message_of(error).split("\n")[0],))  # fmt: skip
    columns = tuple((str(row[0]), str(row[1])) for row in rows)
    twice([column for column, _ in columns], name)
    return columns


def _refuse_pickles(connection: Connection, file: Path, name: str) -> None:
    rows = connection.execute(
        f"SELECT value FROM parquet_kv_metadata({string(str(file))}) WHERE key = 'ARROW:schema'"
    ).fetchall()
    for (value,) in rows:
        try:
            schema = base64.b64decode(bytes(value))
        except (ValueError, binascii.Error):
            schema = b""
        refuse_pickled_types(schema, name)


def refuse_pickled_types(schema: bytes, name: str) -> None:
    """Refuse an Arrow schema whose extension types are kept as pickles."""
    if any(mark in schema for mark in PICKLED):
        unreadable(
            name,
            "has a column of a type that is kept as a Python pickle",
            "write tensors as lists of numbers; loading a pickle would run code from the file",
        )
