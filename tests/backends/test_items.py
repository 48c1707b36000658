"""The item of a SELECT list around an operator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.duckdb.items import item_around


@pytest.mark.parametrize(
    ("sql", "at", "item"),
    [
        ("select a + 1 as b, c from t", "+", "a + 1"),
        ("select c, a + 1 from t", "+", "a + 1"),
        ("SELECT DISTINCT a + 1 FROM t", "+", "a + 1"),
        ("select f(a, b) + g(c, d) as x, y from t", "+", "f(a, b) + g(c, d)"),
        ("select y, case when a > 1 then 'x, (' else 'z' end x from t", "case",
         "case when a > 1 then 'x, (' else 'z' end x"),
        ("select a is not distinct from b as same from t", "is", "a is not distinct from b"),
        ("with q as (select a * 2 as b from t) select b from q", "*", "a * 2"),
        ("select (select max(x) from u) - 1 as y from t", "-", "(select max(x) from u) - 1"),
        ("select a -- first, not last\n + 1 from t", "+", "a -- first, not last\n + 1"),
        ("select {'k': a + 1, 'l': 2} as s from t", "{", "{'k': a + 1, 'l': 2}"),
        ('select "a, b" || \'x\' from t', "||", '"a, b" || \'x\''),
    ],
)  # fmt: skip
def test_the_item_is_found(sql: str, at: str, item: str) -> None:
    start, length = item_around(sql, sql.index(at), len(at))
    assert sql[start : start + length] == item


@given(st.text(alphabet="ab(),;'\"[]{}$ -/*\nselectfromas", max_size=60), st.data())
def test_whatever_stands_there_the_item_holds_the_place(sql: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(sql)))
    length = data.draw(st.integers(0, len(sql) - start))
    first, size = item_around(sql, start, length)
    assert 0 <= first <= start
    assert first + size <= len(sql)
