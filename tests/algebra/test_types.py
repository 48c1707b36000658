"""Conditions over every type of column are read as the engine reads them, NaN and all."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.duckdb.bind import Binder
from backends.duckdb.types import to_duckdb
from compiler.analyse.algebra.regions import by_name, holding, passing
from compiler.graph.types import Column, DataType, TableType

VALUES = {
    "bool": ["true", "false"],
    "uint8": ["0", "1", "2", "255"],
    "int64": ["-9223372036854775808", "0", "1", "9007199254740993", "9223372036854775807"],
    "float32": ["0", "0.1", "0.5", "'inf'", "'-inf'", "'nan'", "16777216"],
    "float64": ["0", "0.1", "0.5", "1", "'inf'", "'-inf'", "'nan'", "9007199254740992"],
    "decimal(6, 2)": ["0", "0.1", "0.5", "1", "-3.25"],
    "string": ["''", "'a'", "'B'", "'é'", "'10'", "'9'"],
    "date": ["'2023-12-31'", "'2024-01-01'", "'2024-02-29'", "'infinity'"],
    "timestamp": ["'2023-12-31 23:59:59.999999'", "'2024-01-01'", "'2024-01-01 12:30:00'"],
    "timestamptz": ["'2024-01-01'", "'2024-01-01 12:30:00'"],
    "time": ["'00:00:00'", "'12:30:00'"],
}
TABLE = TableType(tuple(Column(f"c{at}", DataType(kind)) for at, kind in enumerate(VALUES)))
CONSTANTS = [
    "0", "1", "2", "255", "256", "-1", "0.5", "0.1", "0.10", "1e0", "1.5", "true", "false", "'a'",
    "''",
    "'é'", "'10'", "10", "'2024-01-01'", "date '2024-01-01'", "date '2024-02-29'",
    "timestamp '2024-01-01 12:30:00'", "'2024-01-01 12:30:00'", "9007199254740993",
    "9223372036854775807", "16777217", "null", "'x'", "time '12:30:00'",
]  # fmt: skip
OPERATORS = ["=", "<>", "<", "<=", ">", ">="]


@pytest.fixture(scope="module")
def binder() -> Binder:
    return Binder()


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """A table of one row each value and column, the other columns null."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = ", ".join(f"{c.name} {to_duckdb(c.type)}" for c in TABLE.columns)
        connection.execute(f"CREATE TABLE rows ({columns})")
        for column, values in zip(TABLE.columns, VALUES.values(), strict=True):
            for value in ["NULL", *values]:
                connection.execute(f"INSERT INTO rows ({column.name}) VALUES ({value})")
        yield connection


@settings(max_examples=600)
@given(
    column=st.sampled_from(TABLE.names),
    operator=st.sampled_from([*OPERATORS, "in", "not in", "between", "is null", "alone"]),
    first=st.sampled_from(CONSTANTS),
    second=st.sampled_from(CONSTANTS),
)
def test_no_row_is_left_out_that_the_engine_keeps(
    column: str,
    operator: str,
    first: str,
    second: str,
    binder: Binder,
    engine: duckdb.DuckDBPyConnection,
) -> None:
    text = {
        "in": f"{column} in ({first}, {second})",
        "not in": f"{column} not in ({first}, {second})",
        "between": f"{column} between {first} and {second}",
        "is null": f"{column} is null",
        "alone": column,
    }.get(operator, f"{column} {operator} {first}")
    if binder.expression(text, TABLE).problems:
        return
    condition, columns = binder.condition(text), by_name(TABLE)
    for region, sql in (
        (holding(condition, columns), text),
        (passing(condition, columns), f"({text}) IS NOT FALSE"),
    ):
        try:
            found = engine.execute(f"SELECT {column} FROM rows WHERE {sql}").fetchall()
        except duckdb.Error:  # a text that is no number stops the query
            return
        domain = region.of(column)
        if domain.empty:
            assert not found
        if domain.values.empty:
            assert all(value is None for (value,) in found)
        if not domain.nulls:
            assert all(value is not None for (value,) in found)
        if region.exact and domain.values.empty and not domain.nulls:
            assert found == []
        if region.exact and (~domain.values).empty and domain.nulls:
            counted = engine.execute("SELECT count(*) FROM rows").fetchall()
            assert [(len(found),)] == counted


@settings(max_examples=600)
@given(
    column=st.sampled_from(TABLE.names),
    operators=st.tuples(st.sampled_from(OPERATORS), st.sampled_from(OPERATORS)),
    constants=st.tuples(st.sampled_from(CONSTANTS), st.sampled_from(CONSTANTS)),
)
def test_two_comparisons_exclude_or_imply_each_other_only_where_the_engine_agrees(
    column: str,
    operators: tuple[str, str],
    constants: tuple[str, str],
    binder: Binder,
    engine: duckdb.DuckDBPyConnection,
) -> None:
    texts = [f"{column} {op} {constant}" for op, constant in zip(operators, constants, strict=True)]
    if any(binder.expression(text, TABLE).problems for text in texts):
        return
    columns = by_name(TABLE)
    one, two = (holding(binder.condition(text), columns) for text in texts)
    try:
        counts = engine.execute(
            f"SELECT count(*) FILTER (WHERE ({texts[0]}) AND ({texts[1]})), "
            f"count(*) FILTER (WHERE ({texts[0]}) AND ({texts[1]}) IS NOT TRUE) FROM rows"
        ).fetchall()
    except duckdb.Error:
        return
    ((both, only_one),) = counts
    if (one & two).empty:
        assert both == 0
    if two.exact and one.of(column) <= two.of(column):
        assert only_one == 0
