"""Steps over portions of their tables give what the whole step gives, row for row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from backends.duckdb import BACKEND
from backends.duckdb.connection import session
from backends.duckdb.order import goes_by_rows
from backends.duckdb.portions import runs
from backends.ray.tables import DIVIDED
from compiler.graph.operations import Query, ReadFiles
from tests.backends.divided_steps import run, whole
from tests.conformance.tables import TableSuite
from tests.house.tables import columns, context, rows_of, table

GROUP = 2


@pytest.fixture(autouse=True)
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is one of these small row groups."""
    monkeypatch.setattr("backends.duckdb.portions.ROW_GROUP", GROUP)
    monkeypatch.setattr("backends.ray.tables.LARGE", 2)


class TestDivided(TableSuite):
    backend = replace(
        BACKEND,
        lowerings={
            kind: replace(lowering, target="tests.backends.divided_steps:run")
            if kind in DIVIDED
            else lowering
            for kind, lowering in BACKEND.lowerings.items()
        },
    )
    group = GROUP


@pytest.mark.parametrize(
    ("sql", "by_rows"),
    [
        ("select * from t", True),
        ("select n + 1 as m, upper(s) as s from t where n > 3 or s is null", True),
        ("select case when n > 2 then s end as x from (select * from t where n < 9)", True),
        ("with u as (select * from t where n < 9) select * from u", True),
        ("select * from t where n > (select avg(n) from t)", False),
        ("select count(*) as c from t", False),
        ("select distinct s from t", False),
        ("select *, row_number() over () as at from t", False),
        ("select *, lag(n) over (order by n) as before from t", False),
        ("select * from t order by n", False),
        ("select * from t limit 3", False),
        ("select * from t limit 3 offset 2", False),
        ("select a.* from t a join t b on a.n = b.n", False),
        ("select * from t union all select * from t", False),
        ("select n, unnest([1, 2]) as u from t", False),
        ("select * from t tablesample 50% (bernoulli, 7)", False),
        ("select * from t using sample 3 rows (reservoir, 7)", False),
        ("select 1 as one", False),
    ],
)
def test_what_goes_by_rows_is_told_by_its_plan(tmp_path: Path, sql: str, by_rows: bool) -> None:
    made = table(tmp_path / "t.parquet", [{"n": at, "s": f"v{at}"} for at in range(9)], 2,
                 n="int64", s="string")  # fmt: skip
    with session(context(tmp_path), [made.path]) as connection:
        connection.execute(f"CREATE VIEW t AS SELECT * FROM read_parquet('{made.path}')")
        assert goes_by_rows(connection, sql) is by_rows
    found, expected = (
        step(Query(sql), {"t": made}, context(tmp_path)).files["table"] for step in (run, whole)
    )
    assert rows_of(found) == rows_of(expected)
    # Whether a file says that a column has no null is the engine's guess of the day.
    assert pq.read_schema(found).types == pq.read_schema(expected).types


def test_runs_are_whole_row_groups_and_small_files_go_together(tmp_path: Path) -> None:
    sizes = {"a": 5, "b": 1, "c": 0, "d": 1, "e": 1, "f": 4}
    files = []
    for name, size in sizes.items():
        rows = [{"n": f"{name}{at}"} for at in range(size)]
        files.append(table(tmp_path / f"{name}.parquet", rows, GROUP, n="string").path)
    with session(context(tmp_path), files) as connection:
        found = runs(connection, files)
        said = [connection.execute(f"SELECT n FROM {run.scan}").fetchall() for run in found]
    assert [[row[0] for row in rows] for rows in said] == [
        ["a0", "a1"], ["a2", "a3"], ["a4"], ["b0", "d0"], ["e0"], ["f0", "f1"], ["f2", "f3"],
    ]  # fmt: skip
    assert [run.rows for run in found] == [2, 2, 1, 2, 1, 2, 2]


def test_a_table_with_a_column_of_the_engines_own_name_is_one_run(tmp_path: Path) -> None:
    rows = [{"file_row_number": -at} for at in range(6)]
    made = table(tmp_path / "t.parquet", rows, GROUP, file_row_number="int64")
    with session(context(tmp_path), [made.path]) as connection:
        (alone,) = runs(connection, [made.path])
        assert alone.rows == 6
    outcome = run(Query("select * from t"), {"t": made}, context(tmp_path))
    assert rows_of(outcome.files["table"]) == rows


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Path]:
    """Parquet files of unequal columns and types that one contract fits."""
    when = np.datetime64("2024-01-01") + np.arange(9)
    for name, numbers in (("a", pa.int32()), ("b", pa.int64()), ("c", pa.int64())):
        rows = pa.table({"n": pa.array(range(9), numbers), "at": when, "s": [name, None, "x"] * 3})
        pq.write_table(rows, tmp_path / f"{name}.parquet", row_group_size=GROUP)
    yield tmp_path


def test_files_are_ingested_by_their_portions(files: Path) -> None:
    read = ReadFiles("*.parquet", "parquet", columns(n="float64", at="date", s="string"))
    found, expected = (step(read, {}, context(files)) for step in (run, whole))
    assert rows_of(found.files["table"]) == rows_of(expected.files["table"])
    assert found.summary == expected.summary == {"rows": 27}


def test_a_contract_without_nulls_holds_for_portions(files: Path) -> None:
    read = ReadFiles("*.parquet", "parquet", columns(s="string!"))
    said = []
    for step in (run, whole):
        with pytest.raises(Exception) as caught:
            step(read, {}, context(files))
        said.append(str(caught.value))
    assert said[0] == said[1]
