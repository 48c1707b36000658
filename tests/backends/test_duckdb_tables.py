"""DuckDB as the backend of tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.duckdb import BACKEND
from backends.duckdb.connection import session
from compiler.diagnostics import StackcError
from compiler.graph.operations import Query
from tests.conformance.tables import TableSuite
from tests.house.tables import context


class TestDuckdb(TableSuite):
    backend = BACKEND


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "attach '/etc/passwd' as other",
        "copy (select 1) to '/tmp/stackc-must-not-exist.csv'",
        "set memory_limit = '100GB'",
        "install httpfs",
    ],
)
def test_a_session_reaches_nothing_but_its_own_files(tmp_path: Path, sql: str) -> None:
    with pytest.raises(StackcError) as caught, session(context(tmp_path)) as connection:
        connection.execute(sql)
    assert caught.value.diagnostics[0].code.value == "E710"
    assert not Path("/tmp/stackc-must-not-exist.csv").exists()


def test_a_query_larger_than_its_memory_spills(tmp_path: Path) -> None:
    sql = "select i, hash(i) as h, 'x' || i as s from range(3_000_000) r(i) order by h"
    task = context(tmp_path, memory=1)
    from backends.duckdb.query import query

    assert query(Query(sql), {}, task).summary["rows"] == 3_000_000
