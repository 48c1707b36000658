"""Synthetic tables of any size, made by DuckDB without holding them in memory."""

from __future__ import annotations

from pathlib import Path

import duckdb

FLOATS = tuple(f"x{n}" for n in range(10))
INTEGERS = tuple(f"n{n}" for n in range(5))
TEXTS = tuple(f"s{n}" for n in range(4))
COLUMNS = ("id", *FLOATS, *INTEGERS, *TEXTS)
"""Twenty columns."""


def write_wide(path: Path, rows: int) -> None:
    """A Parquet of ``rows`` × 20: an id, ten floats, five integers, four texts, a few nulls."""
    floats = [f"random() * 100 as {name}" for name in FLOATS]
    integers = [f"cast(random() * 1000 as bigint) as {name}" for name in INTEGERS]
    texts = [f"'v' || cast(random() * {10 ** (n + 1)} as int) as {s}" for n, s in enumerate(TEXTS)]
    fields = ", ".join(["i as id", *floats, *integers, *texts])
    _copy(f"select {fields} from range({rows}) t(i)", path)


def write_long(path: Path, rows: int) -> None:
    """A Parquet of many rows and seven columns, as a log of orders would be."""
    _copy(
        "select i as id, cast(random() * 1000000 as bigint) as customer, "
        "round(random() * 500, 2) as amount, random() * 10 as weight, "
        "'region ' || cast(random() * 20 as int) as region, "
        "timestamp '2024-01-01' + to_seconds(cast(i as bigint)) as placed, "
        f"random() < 0.1 as returned from range({rows}) t(i)",
        path,
    )


def _copy(sql: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        connection.execute("set preserve_insertion_order = false")
        connection.execute("select setseed(0.5)")
        connection.execute(f"copy ({sql}) to '{path}' (format parquet, compression zstd)")
