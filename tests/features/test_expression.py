"""Expressions are read, typed and refused with problems that point at their place."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.codes import Code
from compiler.features.expression import typecheck
from compiler.features.models import expressions_model
from compiler.features.onnx_graph import to_bytes
from compiler.features.parser import parse
from compiler.graph.operations import FeatureSpec
from compiler.graph.types import Column, DataType
from tests.features.corpus import ALL
from tests.features.duck import COLUMNS

TABLE = {column.name: column for column in COLUMNS}
REFUSED = [
    ("", Code.EXPRESSION_SYNTAX, ""),
    ("x +", Code.EXPRESSION_SYNTAX, "+"),
    ("(x", Code.EXPRESSION_SYNTAX, "x"),
    ("x y", Code.EXPRESSION_SYNTAX, "y"),
    ("'abc", Code.EXPRESSION_SYNTAX, "'"),
    ("x < y < 1", Code.EXPRESSION_SYNTAX, "<"),
    ("t.x", Code.EXPRESSION_SYNTAX, "t.x"),
    ("x \x00", Code.EXPRESSION_SYNTAX, "\x00"),
    ("'\ud800'", Code.EXPRESSION_SYNTAX, "\ud800"),
    ("x; drop table t", Code.EXPRESSION_SYNTAX, ";"),
    ("cast(x as strng)", Code.EXPRESSION_SYNTAX, "strng"),
    ("case x end", Code.EXPRESSION_SYNTAX, "end"),
    ("select", Code.NOT_COMPILABLE, "select"),
    ("nope + 1", Code.UNKNOWN_COLUMN, "nope"),
    ("lnn(x)", Code.UNKNOWN_FUNCTION, "lnn"),
    ("ln(s)", Code.EXPRESSION_TYPE, "s"),
    ("s + 1", Code.EXPRESSION_TYPE, "s"),
    ("s < r", Code.EXPRESSION_TYPE, "s"),
    ("k and b", Code.EXPRESSION_TYPE, "k"),
    ("b + 1", Code.EXPRESSION_TYPE, "b"),
    ("coalesce(s, 1)", Code.EXPRESSION_TYPE, "1"),
    ("d + x", Code.EXPRESSION_TYPE, "x"),
    ("year(x)", Code.EXPRESSION_TYPE, "x"),
    ("pow(x)", Code.EXPRESSION_TYPE, "pow"),
    ("d > 'soon'", Code.EXPRESSION_TYPE, "'soon'"),
    ("date '2023-02-30' = d", Code.EXPRESSION_TYPE, "date '2023-02-30'"),
    ("99999999999999999999 + i", Code.EXPRESSION_TYPE, "99999999999999999999"),
    ("cast(s as int)", Code.NOT_COMPILABLE, "cast(s as int)"),
    ("sum(x)", Code.NOT_COMPILABLE, "sum"),
    ("count(*)", Code.NOT_COMPILABLE, "count"),
    ("x > (select 1)", Code.NOT_COMPILABLE, "select"),
    ("row_number() over ()", Code.NOT_COMPILABLE, "row_number"),
    ("regexp_matches(s, 'a')", Code.NOT_COMPILABLE, "regexp_matches"),
    ("s ilike 'a%'", Code.NOT_COMPILABLE, "ilike"),
    ("s like r", Code.NOT_COMPILABLE, "r"),
    ("now()", Code.NOT_COMPILABLE, "now"),
    ("current_date", Code.NOT_COMPILABLE, "current_date"),
    ("t - interval '1 day'", Code.NOT_COMPILABLE, "interval '1 day'"),
    ("[x]", Code.NOT_COMPILABLE, "["),
    ("x[1]", Code.NOT_COMPILABLE, "["),
    ("upper(s)", Code.NOT_COMPILABLE, "upper"),
]


@pytest.mark.parametrize(("text", "code", "place"), REFUSED, ids=[repr(r[0]) for r in REFUSED])
def test_a_problem_has_its_code_and_its_place(text: str, code: Code, place: str) -> None:
    typed, problems = typecheck(text, TABLE)
    assert typed is None
    assert [problem.code for problem in problems] == [code]
    (problem,) = problems
    assert text[problem.offset : problem.offset + problem.length] == place
    assert problem.message


def test_all_problems_of_an_expression_come_together() -> None:
    _, problems = typecheck("nope + ln(s) + lnn(1) + sum(x)", TABLE)
    assert [problem.code.value for problem in problems] == ["E203", "E304", "E205", "E305"]
    assert problems[2].help == ("did you mean `ln`?",)


def test_a_misspelt_column_is_suggested() -> None:
    columns = {"distance": Column("distance", DataType("float64"))}
    _, (problem,) = typecheck("ln(distnace)", columns)
    assert problem.help == ("did you mean `distance`?",)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "x" + ")" * 5000,
        "-" * 3001 + "x",
        "- " * 3001 + "x",
        "not " * 3000 + "b",
        "+".join(["x"] * 5000),
        "case when b then " * 500 + "x" + " end" * 500,
        "abs(" * 800 + "x" + ")" * 800,
        "x" + "::double" * 1500,
        "b" + " is null" * 500,
        "x in (" + ", ".join(map(str, range(9000))) + ")",
        "9" * 19_000,
        "'" + "é" * 19_000 + "'",
        "\U0001f986" * 100,
        "/*" * 5000,
    ],
    ids=range(14),
)
def test_hostile_text_ends_in_problems_or_a_type(text: str) -> None:
    typed, problems = typecheck(text, TABLE)
    assert (typed is None) == bool(problems)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from([*"()+-*/%,.'\"=<> xbs1", "case ", "end", " in ", " not "])).map(
        "".join
    )
)
def test_no_text_ends_in_a_traceback(text: str) -> None:
    typed, problems = typecheck(text, TABLE)
    assert (typed is None) == bool(problems)


@pytest.mark.parametrize("text", ALL)
def test_the_canonical_text_gives_an_equal_tree(text: str) -> None:
    typed, _ = typecheck(text, TABLE)
    assert typed is not None
    again, _ = typecheck(typed.canonical, TABLE)
    assert again is not None
    assert again.root == typed.root == parse(typed.canonical)
    assert again.canonical == typed.canonical
    assert (again.type, again.nullable, again.columns) == (
        typed.type,
        typed.nullable,
        typed.columns,
    )


@pytest.mark.parametrize(
    "texts",
    [
        ("x+1", "X  +  1", "( x + 1 )", "x + /* one */ 1", '"x"+1', "x+1 -- more"),
        ("ifnull(x, 0)", "COALESCE(x,0)"),
        ("x is not null", "not (x is null)", "x notnull"),
        ("power(x, 2)", "x ^ 2", "x ** 2", "pow(X, 2)"),
        ("cast(x as int)", "x::integer", "CAST(x AS INT4)"),
        ("extract(dow from d)", "dayofweek(d)", "date_part('weekday', d)"),
        ("if(b, 1, 2)", "case when b then 1 else 2 end"),
    ],
)
def test_however_it_is_written_the_canonical_text_is_one(texts: tuple[str, ...]) -> None:
    found = set()
    for text in texts:
        typed, problems = typecheck(text, TABLE)
        assert typed is not None, problems
        found.add(typed.canonical)
    assert len(found) == 1


def test_the_deepest_accepted_text_compiles() -> None:
    nested = "x"
    for _ in range(48):
        nested = f"1 - ({nested})"
    for text in (nested, " + ".join(["x"] * 150), "x" + "::double" * 49):
        typed, problems = typecheck(text, TABLE)
        assert typed is not None, problems
        assert typecheck(typed.canonical, TABLE)[0] is not None
        expressions_model([FeatureSpec("a", typed.canonical)], COLUMNS)


def test_odd_column_names_are_quoted_and_found() -> None:
    names = ["My Col", 'a"b', "date", "select", "größe", "🦆", "x.null", "_1"]
    columns = {name: Column(name, DataType("int64")) for name in names}
    for name in names:
        text = '"' + name.replace('"', '""') + '" + 1'
        typed, problems = typecheck(text, columns)
        assert typed is not None, problems
        assert typed.columns == (name,)
        assert typecheck(typed.canonical, columns)[0] is not None
    assert typecheck("date + 1", columns)[0] is not None


def test_columns_that_differ_in_case_only_are_told_apart() -> None:
    columns = {name: Column(name, DataType("int64")) for name in ("A", "a")}
    typed, _ = typecheck('"A" - a', columns)
    assert typed is not None
    assert typed.columns == ("A", "a")


def test_nullability_follows_duckdb() -> None:
    for text, nullable in [
        ("k + k", False), ("i + k", True), ("coalesce(i, k)", False), ("nullif(k, 1)", True),
        ("case when c then k end", True), ("case when b then k else 1 end", False),
        ("i is null", False), ("ln(k)", False), ("least(i, k)", False),
        ("try_cast(k as tinyint)", True),
    ]:  # fmt: skip
        typed, _ = typecheck(text, TABLE)
        assert typed is not None
        assert typed.nullable is nullable, text


def test_models_are_the_same_bytes_under_any_hash_seed() -> None:
    program = (
        "import hashlib\n"
        "from tests.features.duck import COLUMNS, expressions_model, FeatureSpec\n"
        "from tests.features.corpus import ALL\n"
        "from compiler.features.onnx_graph import digest\n"
        "print(digest(expressions_model([FeatureSpec(e, e) for e in ALL], COLUMNS)))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert to_bytes(expressions_model([FeatureSpec("a", "x")], COLUMNS))


def test_typing_imports_nothing_heavy() -> None:
    program = (
        "import sys, compiler.features.expression, compiler.features.preparation\n"
        "print([m for m in ('onnx', 'duckdb', 'numpy', 'pyarrow', 'sqlglot') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert found.stdout.strip() == "[]"
