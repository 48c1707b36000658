"""Every operator and function means what DuckDB means by it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.features.expression import typecheck
from compiler.features.functions import FUNCTIONS
from compiler.features.tree import Call, Cast, Tree
from tests.features.corpus import ALL, CLOSE, EXACT, split
from tests.features.duck import COLUMNS, Row, assert_same
from tests.features.rows import ROWS

QUICK = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)


@pytest.mark.parametrize(
    "block", EXACT, ids=["arithmetic", "logic", "choice", "casts", "text", "dates"]
)
@QUICK
@given(rows=ROWS)
def test_each_function_agrees_to_the_last_bit(block: tuple[str, ...], rows: list[Row]) -> None:
    assert_same(block, rows)


@QUICK
@given(rows=ROWS)
def test_real_functions_and_decimals_agree_closely(rows: list[Row]) -> None:
    assert_same(split(CLOSE), rows, tolerance=1e-12)


def _used(tree: Tree) -> set[str]:
    if isinstance(tree, Cast):
        return _used(tree.operand)
    if isinstance(tree, Call):
        return {tree.function}.union(*map(_used, tree.arguments))
    return set()


def test_every_function_of_the_table_is_compared() -> None:
    columns = {column.name: column for column in COLUMNS}
    compared: set[str] = set()
    for text in ALL:
        typed, problems = typecheck(text, columns)
        assert typed is not None, (text, problems)
        compared |= _used(typed.root)
    assert compared == set(FUNCTIONS)


def _grown(
    numbers: st.SearchStrategy[str], tests: st.SearchStrategy[str]
) -> tuple[st.SearchStrategy[str], st.SearchStrategy[str]]:
    infix = st.sampled_from(["+", "-", "*", "/"])
    compare = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "is distinct from"])
    more_numbers = st.one_of(
        numbers,
        st.builds("({} {} {})".format, numbers, infix, numbers),
        st.builds("{} {} {}".format, numbers, infix, numbers).map(lambda t: f"({t})"),
        st.builds("case when {} then {} else {} end".format, tests, numbers, numbers),
        st.builds("coalesce({}, {})".format, numbers, numbers),
        st.builds("least({}, {})".format, numbers, numbers),
        st.builds("greatest({}, {})".format, numbers, numbers),
        st.builds("nullif({}, {})".format, numbers, numbers),
        st.builds("abs({})".format, numbers),
        st.builds("- {}".format, numbers).map(lambda t: f"({t})"),
    )
    more_tests = st.one_of(
        tests,
        st.builds("({} {} {})".format, numbers, compare, numbers),
        st.builds("({} {} {})".format, tests, st.sampled_from(["and", "or"]), tests),
        st.builds("(not {})".format, tests),
        st.builds("({} is null)".format, numbers),
        st.builds("({} between {} and {})".format, numbers, numbers, numbers),
        st.builds("({} in ({}, {}))".format, numbers, numbers, numbers),
        st.builds("case when {} then {} else {} end".format, tests, tests, tests),
    )
    return more_numbers, more_tests


_NUMBERS: st.SearchStrategy[str] = st.sampled_from(
    ["i", "j", "k", "x", "y", "0", "1", "2", "1.5e0", "null"]
)
_TESTS: st.SearchStrategy[str] = st.sampled_from(["b", "c", "true", "false", "null::boolean"])
for _ in range(3):
    _NUMBERS, _TESTS = _grown(_NUMBERS, _TESTS)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=_NUMBERS | _TESTS, rows=ROWS)
def test_random_nested_expressions_agree(text: str, rows: list[Row]) -> None:
    assert_same([text], rows)


_LINKS = [
    "+",
    "-",
    "*",
    "=",
    "<",
    "and",
    "or",
    "||",
    "is null",
    "%",
    "//",
    "in (1, 2)",
    "between 1 and 2",
]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    words=st.lists(
        st.tuples(
            st.sampled_from(["", "not ", "- "]),
            st.sampled_from(["k", "u", "c", "1", "2", "true"]),
            st.sampled_from(_LINKS),
        ),
        min_size=1,
        max_size=6,
    ),
    rows=ROWS,
)
def test_precedence_is_duckdbs(words: list[tuple[str, str, str]], rows: list[Row]) -> None:
    """Whatever of such a jumble we accept means the same there."""
    text = " ".join(f"{prefix}{value} {link}" for prefix, value, link in words)
    if not words[-1][2].startswith(("is", "in", "between")):
        text += " k"
    typed, _ = typecheck(text, {column.name: column for column in COLUMNS})
    if typed is not None:
        assert_same([text, typed.canonical], rows)
