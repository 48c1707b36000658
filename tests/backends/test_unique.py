"""What a query's plan says about which columns name one row, held against rows."""

from __future__ import annotations

import duckdb
import pytest

from backends.duckdb.bind import Binder
from compiler.graph.types import Column, DataType, TableType

T = TableType(
    (Column("k", DataType("int64")), Column("g", DataType("int64")), Column("v", DataType("int64")))
)
U = TableType((Column("k", DataType("int64")), Column("w", DataType("int64"))))
KNOWN = {
    "select k, max(v) as v from t group by k": ("k",),
    "select k, g, max(v) as v from t group by all": ("k", "g"),
    "select max(v) as v, g as other from t group by g": ("other",),
    "select k, v from (select k, max(v) as v from t group by k) where v > 2": ("k",),
    "select k, max(v) as v from t group by k having count(*) > 1 order by v limit 3": ("k",),
    "select distinct k, g from t": ("k", "g"),
    "select distinct on (k) k, v from t order by k, v": ("k",),
}
NOT_KNOWN = (
    "select * from t",
    "select g, max(v) as v from t group by g, k",
    "select k % 2 as k, max(v) as v from t group by k",
    "select k, max(v) as v from t group by rollup (k)",
    "select k from t group by k union all select k from t group by k",
    "select s.k, u.w from (select k from t group by k) s join u using (k)",
    "select unnest([k, k]) as k from t group by k",
    "select k, row_number() over () as n from t",
)


def rows() -> duckdb.DuckDBPyConnection:
    """Rows of which most columns repeat, nulls among them."""
    connection = duckdb.connect()
    connection.execute(
        "create table t as select nullif(i % 4, 3) as k, i % 2 as g, i % 5 as v from range(40) r(i)"
    )
    connection.execute("create table u as select i % 3 as k, i as w from range(9) r(i)")
    return connection


@pytest.mark.parametrize("sql", KNOWN)
def test_what_is_said_to_name_a_row_does(sql: str) -> None:
    bound = Binder().bind(sql, {"t": T, "u": U})
    assert bound.lineage.key == KNOWN[sql]
    listed = ", ".join(bound.lineage.key)
    repeated = rows().execute(f"select 1 from ({sql}) group by {listed} having count(*) > 1")
    assert repeated.fetchall() == []


@pytest.mark.parametrize("sql", NOT_KNOWN)
def test_nothing_is_said_of_what_may_repeat(sql: str) -> None:
    assert Binder().bind(sql, {"t": T, "u": U}).lineage.key == ()
