"""The binder: types and problems of SQL, with nothing executed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.duckdb.bind import Binder
from backends.duckdb.types import from_duckdb, to_arrow, to_duckdb
from compiler.graph.types import SCALARS, DataType, TableType
from tests.house.tables import columns

PEOPLE = TableType(columns(id="int64", name="string", born="timestamp", pay="decimal(9, 2)"))
VISITS = TableType(columns(id="int64", seconds="float64"))
TABLES = {"people": PEOPLE, "visits": VISITS}


@pytest.fixture(scope="module")
def binder() -> Binder:
    return Binder()


@pytest.mark.parametrize(
    ("sql", "types"),
    [
        ("select id, name from people", {"id": "int64", "name": "string"}),
        ("from visits", {"id": "int64", "seconds": "float64"}),
        ("select count(*) n, sum(id) s from PEOPLE", {"n": "int64", "s": "int64"}),
        ("with p as (select * from people) select pay from p", {"pay": "decimal(9, 2)"}),
        ("with people as (select 1 as one) select one from people", {"one": "int32"}),
        (
            "with recursive r as (select 1 as n union all select n + 1 from r where n < 3) from r",
            {"n": "int32"},
        ),
        ("select date_part('hour', born) h from people;  -- end", {"h": "int64"}),
        (
            "select uuid_text::uuid as u from (select name as uuid_text from people)",
            {"u": "string"},
        ),
        ("select [id] as l from people", {"l": "BIGINT[]"}),
        ("select 'now()' as t, 'a;b' as u from people", {"t": "string", "u": "string"}),
    ],
)
def test_a_select_has_types(binder: Binder, sql: str, types: dict[str, str]) -> None:
    bound = binder.bind(sql, TABLES)
    assert bound.problems == ()
    assert {column.name: str(column.type) for column in bound.columns} == types


@pytest.mark.parametrize(
    ("sql", "code", "at", "help"),
    [
        ("selec 1", "E301", "selec", ""),
        ("select 1; select 2", "E301", None, ""),
        ("", "E301", None, ""),
        ("copy people to 'x'", "E301", None, ""),
        ("attach 'x.db'", "E301", None, ""),
        ("pragma version", "E301", None, ""),
        ("describe people", "E301", None, ""),
        ("insert into people values (1)", "E301", None, ""),
        ("select ? from people", "E301", None, ""),
        ("select id, count(*) from people", "E301", "id", "GROUP BY"),
        ("select nam from people", "E203", "nam", "`name`"),
        ("select 'éé', nam from people", "E203", "nam", "`name`"),
        ("select p.nam from people p", "E203", "p.nam", "`name`"),
        ("select id from peple", "E204", "peple", "`people`"),
        ("select x.id from people", "E204", "x.id", "`people`"),
        ("select * from main.people", "E204", "main.people", "schema"),
        ("select * from information_schema.tables", "E204", "information_schema.tables", ""),
        ("select lenght(name) from people", "E205", "lenght(name)", "`length`"),
        ("select id from people, visits", "E206", "id", "`people.id`"),
        ("select id, id from people", "E207", None, ""),
        ("select name + 1 from people", "E302", "+", "cast"),
        ("select ln(name) from people", "E302", "ln(name)", "DOUBLE"),
        ("select born > 5 from people", "E302", "born > 5", ""),
        ("select id::intt from people", "E302", "intt", ""),
        ("select now() from people", "E317", "now()", ""),
        ("select current_date", "E317", "current_date", ""),
        ("select * from people order by random()", "E317", "random()", ""),
        ("select age(born) from people", "E317", "age(born)", ""),
        ("select * from people tablesample 10%", "E317", None, ""),
        ("select ago(interval 1 day)", "E317", "ago(interval 1 day)", ""),
        ("select * from read_parquet('x.parquet')", "E317", "read_parquet", "source"),
        ("select * from 'x.parquet'", "E317", "'x.parquet'", "source"),
        ("select * from glob('*')", "E317", "glob", ""),
        ("select * from duckdb_settings()", "E317", "duckdb_settings", ""),
        ("select * from query('select 1')", "E317", "query", ""),
    ],
)
def test_a_problem_has_its_code_place_and_help(
    binder: Binder, sql: str, code: str, at: str | None, help: str
) -> None:
    bound = binder.bind(sql, TABLES)
    assert bound.columns == () or code == "E207"
    problem = bound.problems[0]
    assert problem.code.value == code
    assert "\n" not in problem.message
    if at is not None:
        assert problem.offset is not None
        assert sql[problem.offset :].startswith(at)
        assert problem.length <= len(at)
    assert help in " ".join(problem.help)


def test_several_impure_functions_are_several_problems(binder: Binder) -> None:
    bound = binder.bind("select now(), random() from people", TABLES)
    assert [problem.code.value for problem in bound.problems] == ["E317", "E317"]


def test_a_column_may_be_named_like_a_clock(binder: Binder) -> None:
    table = TableType(columns(current_date="date", user="string"))
    assert binder.bind('select current_date, "user" from t', {"t": table}).problems == ()


def test_tables_are_those_outside_of_the_query(binder: Binder) -> None:
    sql = "with v as (select * from visits) select * from v, People, (select * from extra)"
    assert set(binder.tables(sql)) == {"visits", "People", "extra"}
    assert binder.tables("selec") == ()


def test_a_table_that_changes_is_bound_anew(binder: Binder) -> None:
    for kind in ("int64", "string", "int64"):
        table = TableType(columns(x=kind))
        assert binder.bind("select x from t", {"t": table}).columns[0].type == kind
    assert binder.bind("select x from t", {}).problems[0].code.value == "E204"


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("", "E303", None),
        ("id >", "E303", None),
        ("id > 1) from people where (1 = 1", "E303", None),
        ("sum(id) > 1", "E303", "sum(id)"),
        ("row_number() over () > 1", "E303", None),
        ("id in (select 1)", "E303", None),
        ("id > 1; drop table people", "E303", ";"),
        ("nam = 'x'", "E203", "nam"),
        ("'é' = 'é' and nam = 'x'", "E203", "nam"),
        ("lenght(name) > 1", "E205", "lenght(name)"),
        ("name > 1", "E304", "name > 1"),
        ("id", "E304", "id"),
        ("random() < 0.5", "E317", "random()"),
    ],
)
def test_a_wrong_expression_is_located_in_itself(
    binder: Binder, text: str, code: str, at: str | None
) -> None:
    problem = binder.expression(text, PEOPLE).problems[0]
    assert problem.code.value == code
    if at is not None:
        assert problem.offset is not None
        assert text[problem.offset :].startswith(at)


def test_an_expression_has_a_type(binder: Binder) -> None:
    assert binder.expression("id > 1 -- why", PEOPLE).type == "bool"
    assert binder.expression("id + 1", PEOPLE, expected=None).type == "int64"
    assert binder.expression("name", PEOPLE, expected="string").problems == ()


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text("select from(),;'\"*-/ people.id=1\n", max_size=60)))
def test_any_text_gets_an_answer(binder: Binder, text: str) -> None:
    for problem in (*binder.bind(text, TABLES).problems, *binder.expression(text, PEOPLE).problems):
        assert problem.message
        assert problem.offset is None or 0 <= problem.offset <= len(text)


def test_many_binds_are_cheap(binder: Binder) -> None:
    start = time.process_time()
    for number in range(100):
        binder.bind(f"select id + {number} as x from people join visits using (id)", TABLES)
    assert time.process_time() - start < 3, "about 0.15 s on an idle machine"


@pytest.mark.parametrize("name", [*SCALARS, "decimal(9, 2)", "INTEGER[]"])
def test_types_come_back_from_duckdb(name: str) -> None:
    kind = DataType(name)
    assert from_duckdb(to_duckdb(kind)) == kind


def test_nested_types_have_no_arrow_type() -> None:
    with pytest.raises(ValueError, match="nested"):
        to_arrow(DataType("INTEGER[]"))


def test_numbers_that_json_has_no_words_for(binder: Binder) -> None:
    """DuckDB writes ``Infinity`` and ``NAN`` into its JSON."""
    bound = binder.bind(
        "select 0 / 0 as x, rank() over (order by 1 / (0 / 0)) as y from visits", TABLES
    )
    assert [column.name for column in bound.columns] == ["x", "y"]
    bound = binder.bind("""select '"value":NAN' as said, id from visits where 0 / 0 > 1""", TABLES)
    assert bound.lineage.known
    bound = binder.bind("select id, 1e400 as z from visits where seconds < 1e999", TABLES)
    assert bound.problems == ()
    assert [(column.name, column.type) for column in bound.columns] == [
        ("id", "int64"),
        ("z", "float64"),
    ]
    assert [origin.column for origin in bound.lineage.rows] == ["seconds"]
    assert binder.expression("seconds < 1e400", VISITS).problems == ()
