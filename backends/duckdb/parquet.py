"""What a Parquet file's footer says, without reading its rows."""

from __future__ import annotations

from pathlib import Path

import duckdb

from backends.duckdb.text import string


def rows_of(path: Path) -> int:
    """How many rows a Parquet file has."""
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = connection.execute(
            f"SELECT num_rows FROM parquet_file_metadata({string(str(path))})"
        ).fetchall()
    return int(rows[0][0])


def row_groups(connection: duckdb.DuckDBPyConnection, file: Path) -> list[int]:
    """How many rows each row group of a file has, in order."""
    rows = connection.execute(
        "SELECT DISTINCT row_group_id, row_group_num_rows "
        f"FROM parquet_metadata({string(str(file))}) ORDER BY row_group_id"
    ).fetchall()
    return [int(size) for _, size in rows]
