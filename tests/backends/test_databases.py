"""Ingest from real databases, and what observing them notices."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from backends.files.connections import target_of
from backends.files.database import has_order, observe_database, read_database
from backends.files.inspect import inspect_database
from compiler.diagnostics import Diagnostic, StackcError
from compiler.graph.operations import ReadDatabase
from tests.house.tables import Rows, columns, context, digest_of, look_at, rows_of
from tests.services import Postgres, running_postgres

Secret = Callable[[str], str]


def same(text: str) -> str:
    """No secret to fill in."""
    return text


def read(folder: Path, connection: str, sql: str, secret: Secret = same, **wanted: str) -> Path:
    """Ingest; the staged file."""
    operation = ReadDatabase(connection, sql, columns(**wanted))
    task = context(folder, secret=secret)
    made = read_database(operation, {}, task).files["table"]
    assert sorted(path.name for path in task.workdir.iterdir()) == ["table.parquet"]
    return made


def rows(folder: Path, connection: str, sql: str, secret: Secret = same, **wanted: str) -> Rows:
    """Ingest; the rows."""
    return rows_of(read(folder, connection, sql, secret, **wanted))


def refused(
    folder: Path, connection: str, sql: str, secret: Secret = same, **wanted: str
) -> Diagnostic:
    """Ingest; the finding."""
    with pytest.raises(StackcError) as caught:
        read(folder, connection, sql, secret, **(wanted or {"a": "int64"}))
    return caught.value.diagnostics[0]


def observed(folder: Path, connection: str, sql: str, secret: Secret = same) -> str:
    """What the observer says of a query."""
    return observe_database(ReadDatabase(connection, sql, ()), context(folder, secret=secret))


@pytest.fixture
def lite(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("create table t (a int, b text, x real, m)")
        values = [(i % 5, f"s{i}", i / 2, i if i < 80_000 else "text") for i in range(80_010)]
        connection.executemany("insert into t values (?, ?, ?, ?)", values)
    connection.close()
    return tmp_path


@pytest.fixture
def duck(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "y.duckdb")) as connection:
        connection.execute("create table t as select i as a, 's' || i as b from range(10) r(i)")
    return tmp_path


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        server.run(
            "create table t (a int, b text, n numeric(10, 2), ts timestamptz, d date, u uuid,"
            " j jsonb, f real, y bytea, o bool)",
            "insert into t values (2, 'x', 1.5, '2020-01-01 01:00+01', '2020-01-02',"
            " '6f9619ff-8b86-d011-b42d-00c04fc964ff', '{\"k\": 1}', 0.5, '\\x00ff', true),"
            " (1, null, null, null, null, null, null, null, null, null)",
        )
        yield server


def test_sqlite_rows_are_sorted_unless_the_query_says_how(lite: Path) -> None:
    found = rows(lite, "sqlite:///x.db", "select a, b from t where x < 3", a="int8", b="string")
    assert [(row["a"], row["b"]) for row in found] == [
        (0, "s0"), (0, "s5"), (1, "s1"), (2, "s2"), (3, "s3"), (4, "s4"),
    ]  # fmt: skip
    sql = "select a from t where x < 3 order by x desc"
    assert [row["a"] for row in rows(lite, "sqlite:///x.db", sql, a="int64")] == [0, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("sql", "ordered"),
    [
        ("select a from t", False),
        ("select a from t ORDER  BY a", True),
        ("select a from (select a from t order by a) q", False),
        ("select 'order by' from t -- order by\n", False),
        ('select "order by" from t /* order by */', False),
        ("select row_number() over (order by a) from t\norder\nby 1", True),
    ],
)
def test_an_order_counts_only_on_the_outside(sql: str, ordered: bool) -> None:
    assert has_order(sql) is ordered


def test_the_same_rows_are_the_same_bytes(lite: Path) -> None:
    made = [
        read(lite, "sqlite:///x.db", f"select a, b from t order by {order}", a="int64", b="string")
        for order in ("b", "b")
    ]
    assert digest_of(made[0]) == digest_of(made[1])


def test_duckdb_is_read_only(duck: Path) -> None:
    found = rows(duck, "duckdb:///y.duckdb", "select a from t order by a desc", a="int16")
    assert [row["a"] for row in found] == list(range(9, -1, -1))
    assert refused(duck, "duckdb:///y.duckdb", "drop table t").code.value == "E710"
    for sql in ("copy t to 'x.csv'", "select * from read_csv('/etc/passwd')"):
        assert refused(duck, "duckdb:///y.duckdb", sql).code.value == "E710"
    assert not (duck / "x.csv").exists()


@pytest.mark.parametrize(
    ("connection", "sql", "code", "says"),
    [
        ("sqlite:///x.db", "selec", "E710", "syntax error"),
        ("sqlite:///x.db", "delete from t", "E710", "readonly"),
        ("sqlite:///x.db", "select a from nosuch", "E710", "nosuch"),
        ("sqlite:///x.db", "select a from t where a > 9", "E703", "no rows"),
        ("sqlite:///x.db", "select b from t", "E705", "no column `a`"),
        ("sqlite:///x.db", "select 'q' as a", "E704", 'column `a` has "q"'),
        ("sqlite:///x.db", "select null as a", "E704", "no value"),
        ("sqlite:///x.db", "select m as a from t", "E704", "column `a` of the query changes"),
        ("sqlite:///nosuch.db", "select 1 as a", "E701", "nosuch.db"),
        ("sqlite:///../x.db", "select 1 as a", "E113", "leads out"),
        ("sqlite://x.db", "select 1 as a", "E709", "three slashes"),
        ("sqlite:///no.db", "select 1 as a", "E702", "no sqlite database"),
        ("duckdb:///no.db", "select 1 as a", "E709", "cannot connect"),
        ("mysql://localhost/x", "select 1 as a", "E709", "names no database"),
        ("just text", "select 1 as a", "E709", "names no database"),
    ],
)
def test_what_a_database_cannot_give_is_a_finding(
    lite: Path, connection: str, sql: str, code: str, says: str
) -> None:
    (lite / "no.db").write_text("this is no database at all, only some text in a file\n" * 99)
    found = refused(lite, connection, sql, a="int64!")
    assert (found.code.value, says in found.message) == (code, True), found.message


def test_observing_a_file_notices_changes(lite: Path, duck: Path) -> None:
    sql = "select count(*) from t"
    before = observed(lite, "sqlite:///x.db", sql)
    assert observed(lite, "sqlite:///x.db", sql) == before
    with sqlite3.connect(lite / "x.db") as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("insert into t values (1, 'new', 0, 0)")
        connection.commit()
        assert observed(lite, "sqlite:///x.db", sql) != before
    connection.close()
    assert observed(duck, "duckdb:///y.duckdb", sql) != before


def test_postgres_types_arrive(tmp_path: Path, postgres: Postgres) -> None:
    wanted: dict[str, Any] = {
        "a": "int64", "b": "string", "n": "decimal(10, 2)", "ts": "timestamptz", "d": "date",
        "u": "string", "j": "string", "f": "float32", "y": "binary", "o": "bool",
    }  # fmt: skip
    first, second = rows(tmp_path, postgres.dsn, "select * from t; -- all", **wanted)
    assert [*first.values()] == [1, *[None] * 9]
    assert str(second["n"]) == "1.50"
    assert second["ts"].isoformat() == "2020-01-01T00:00:00+00:00"
    assert second["u"] == "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    assert (second["j"], second["y"]) == ('{"k": 1}', b"\x00\xff")
    found = inspect_database(postgres.dsn, "select * from t", look_at(tmp_path))
    assert {c.name: str(c.type) for c in found} == {**wanted, "a": "int32", "n": "float64"}


def test_observing_postgres_notices_changes(tmp_path: Path, postgres: Postgres) -> None:
    postgres.run("create table w (a int)", "insert into w values (1), (2)")
    sql = "select a from w;"
    before = observed(tmp_path, postgres.dsn, sql)
    assert observed(tmp_path, postgres.dsn, sql) == before
    postgres.run("update w set a = 3 where a = 2")
    assert observed(tmp_path, postgres.dsn, sql) != before
    postgres.run("update w set a = 2 where a = 3")
    assert observed(tmp_path, postgres.dsn, sql) == before


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("selec", "syntax error"),
        ("delete from t", "read-only"),
        ("select 1 / 0 as a", "division by zero"),
        ("select nosuch from t", "nosuch"),
        ("select 's3cr3t/p@ss'::int as a", "***"),
    ],
)
def test_what_postgres_refuses_is_said_without_the_secret(
    tmp_path: Path, postgres: Postgres, sql: str, says: str
) -> None:
    template = postgres.dsn_with("${secret:PW}")
    found = refused(tmp_path, template, sql, lambda text: text.replace("${secret:PW}", _QUOTED))
    assert found.code.value == "E710"
    assert says in found.message
    assert "s3cr3t" not in str(found)


def test_a_wrong_password_is_not_shown(tmp_path: Path, postgres: Postgres) -> None:
    for connection, secret in (
        (postgres.dsn_with("${secret:PW}"), lambda t: t.replace("${secret:PW}", "wr0ng")),
        ("${secret:DSN}", lambda _: postgres.dsn_with("wr0ng")),
    ):
        found = refused(tmp_path, connection, "select 1 as a", secret)
        assert found.code.value == "E709"
        assert "authentication failed" in found.message
        assert "wr0ng" not in str(found)


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = refused(tmp_path, "postgresql://me:hush@127.0.0.1:1/x", "select 1 as a")
    assert found.code.value == "E709"
    assert "refused" in found.message
    assert "hush" not in str(found)


def test_every_part_of_a_connection_that_was_filled_in_is_scrubbed(tmp_path: Path) -> None:
    template = "postgresql://${secret:USER}:${secret:PW}@${secret:HOST}/db"
    target = target_of(template, "postgresql://ann:a%2Fb@db.corp/db", tmp_path)
    shown = target.scrub("no ann, a/b, a%2Fb or db.corp: postgresql://ann:a%2Fb@db.corp/db")
    for secret in ("ann", "a/b", "a%2Fb", "db.corp"):
        assert secret not in shown


_QUOTED = "s3cr3t%2Fp%40ss"
