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
