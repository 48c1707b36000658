"""Rows of JSON are read as a table of the same values is, or refused with the reason."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.models.feed import feeds
from backends.serving.rows import MOST_PROBLEMS, Reader, Refused, Rows, answers, parse
from backends.serving.values import NON_FINITE, kind_of, written
from compiler.graph.types import Column, DataType, Task

NUMBERS = st.floats(allow_nan=True)
SINGLES = st.floats(width=32)
STAMPS = st.datetimes()
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int8": st.integers(-128, 127),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint8": st.integers(0, 255),
    "uint64": st.integers(0, 2**63 - 1),
    "float32": SINGLES,
    "float64": NUMBERS,
    "string": st.text(),
    "date": st.dates(),
    "time": st.times(),
    "timestamp": STAMPS,
    "timestamptz": STAMPS,
    "decimal(9, 2)": st.decimals("-9999999.99", "9999999.99", places=2),
    "decimal(30, 10)": st.decimals(-(10**19), 10**19, places=10),
}


def one(value: Any, kind: str, nullable: bool = True) -> Rows:
    """One value read as the only column."""
    return parse([{"x": value}], (Column("x", DataType(kind), nullable),))


def problem(value: Any, kind: str, nullable: bool = True) -> str:
    """Why it is refused."""
    with pytest.raises(Refused) as caught:
        one(value, kind, nullable)
    (found,) = caught.value.problems
    assert (found.row, found.column) == (0, "x")
    return found.message


@st.composite
def tables(draw: st.DrawFn) -> tuple[pa.RecordBatch, tuple[Column, ...]]:
    """Rows of columns of any types."""
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5))
    count = draw(st.integers(1, 4))
    request, arrays = [], []
    for at, kind in enumerate(kinds):
        nullable = draw(st.booleans())
        value = st.none() | VALUES[kind] if nullable else VALUES[kind]
        held = draw(st.lists(value, min_size=count, max_size=count))
        request.append(Column(f"c{at}", DataType(kind), nullable))
        arrays.append(pa.array(held, kind_of(DataType(kind)).arrow))
    return pa.RecordBatch.from_arrays(arrays, [c.name for c in request]), tuple(request)


@given(tables())
def test_rows_are_fed_to_the_model_as_the_table_is(
    table: tuple[pa.RecordBatch, tuple[Column, ...]],
) -> None:
    batch, request = table
    columns = {c.name: written(batch.column(c.name), c.type) for c in request}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for sent in (rows, json.loads(json.dumps(rows)), orjson.loads(orjson.dumps(rows))):
        read = parse(sent, request)
        for wanted in (feeds(batch, request), feeds(read.batch(), request)):
            same(read.feeds(), wanted)
    by_column = Reader.of(request).columns(columns, len(rows))
    same(by_column.feeds(), feeds(batch, request))


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Equal inputs: names, element types, and every bit of every value but a NaN's."""
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        assert found[name].dtype == values.dtype
        assert list(map(repr, found[name].tolist())) == list(map(repr, values.tolist()))


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (True, "int64", "no integer"),
        (1.5, "int64", "no integer"),
        ("1", "int64", "no integer"),
        (128, "int8", "out of range for int8: -128 to 127"),
        (2**63, "uint64", "out of range"),
        (True, "float64", "no number"),
        ("nan", "float64", "no number"),
        (1e39, "float32", "out of range for float32"),
        (1, "bool", "neither true nor false"),
        (1, "string", "no text"),
        ("\ud800", "string", "no valid UTF-8"),
        ("2026-02-30", "date", "no date"),
        (20260101, "date", "no date"),
        ("25:00", "time", "no time"),
        ("12:00+01:00", "time", "no time"),
        ("2026-01-01T00:00:00Z", "timestamp", "without a time zone"),
        ("2026-01-01T00:00:00", "timestamptz", "with its time zone"),
        ("0.123", "decimal(4, 2)", "does not fit decimal(4, 2)"),
        (1000, "decimal(4, 2)", "does not fit"),
        ("1e99999999999", "decimal(4, 2)", "no decimal number"),
        (True, "decimal(4, 2)", "no decimal number"),
        ([[1]], "float64", "a list is no number"),
        ({}, "string", "an object is no text"),
    ],
)
def test_a_value_of_another_type_is_refused(value: Any, kind: str, said: str) -> None:
    assert said in problem(value, kind)


def test_an_integer_too_long_to_print_is_refused() -> None:
    for kind in ("int64", "float64", "decimal(4, 2)"):
        assert "a huge integer" in problem(10**5000, kind)


@pytest.mark.parametrize(
    ("value", "kind", "fed"),
    [
        (1, "float64", 1.0),
        (2.0, "int64", 2),
        ("-Infinity", "float64", -np.inf),
        (0.1, "float32", float(np.float32(0.1))),
        ("2026-01-31", "date", 20484),
        ("00:00:01.5", "time", 1_500_000),
        ("1970-01-01T01:00:00+01:00", "timestamptz", 0),
        ("1969-12-31T23:59:59.999999", "timestamp", -1),
        (0.3, "decimal(4, 2)", 0.3),
        (None, "string", ""),
    ],
)
def test_a_value_is_read(value: Any, kind: str, fed: Any) -> None:
    assert one(value, kind).feeds()["x"].tolist() == [fed]


def test_a_column_without_nulls_needs_a_value() -> None:
    for row in ({}, {"x": None}):
        with pytest.raises(Refused, match="column `x` must have a value"):
            parse([row], (Column("x", DataType("int64"), False),))


def test_an_absent_column_that_may_be_null_is_null() -> None:
    fed = parse([{}, {"x": 2}], (Column("x", DataType("int64")),)).feeds()
    assert fed["x"].tolist() == [0, 2]
    assert fed["x.null"].tolist() == [True, False]


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    request = (Column("colour", DataType("string")),)
    with pytest.raises(Refused) as caught:
        parse([{"color": "red"}], request)
    (found,) = caught.value.problems
    assert found.message == 'the model has no column "color"; did you mean `colour`?'


def test_problems_are_told_up_to_a_number() -> None:
    request = (Column("x", DataType("int64")), Column("y", DataType("int64")))
    for row in ({"x": "a", "y": "b"}, {"x" * 9000: 1}, None, "x", ["x", "y"]):
        with pytest.raises(Refused) as caught:
            parse([row] * 500, request)
        assert len(caught.value.problems) == MOST_PROBLEMS


@given(st.lists(st.floats(width=32), min_size=1))
def test_numbers_are_answered_bit_for_bit(scores: list[float]) -> None:
    array = np.array(scores, np.float32)
    found = orjson.loads(orjson.dumps(answers(Task.REGRESSION, (), array, 0.5)))
    back = [NON_FINITE.get(row["prediction"], row["prediction"]) for row in found]
    assert (
        np.array(back, np.float32).tobytes()
        == np.where(np.isnan(array), np.float32(np.nan), array).astype(np.float32).tobytes()
    )


KEYED = Reader.of(
    (Column("x", DataType("float64"), True),),
    (Column("id", DataType("int64")), Column("x", DataType("float64"))),
)


def test_a_key_comes_along_and_is_not_fed() -> None:
    """A column of the key that the model reads itself is read once, from there."""
    rows = KEYED.rows([{"x": 1.5, "id": 7}, {"x": None, "id": None}])
    assert "id" not in rows.feeds()
    assert rows.column("id")[1] == [7, None]
    assert rows.column("x")[1] == [1.5, None]
    assert rows.batch().schema.names == ["x"]


def test_a_row_may_lack_its_key() -> None:
    assert KEYED.rows([{"x": 1.5}, {"x": 2.5, "id": 7}]).column("id")[1] == [None, 7]
    assert KEYED.columns({"x": [1.5]}, 1).column("id")[1] == [None]


def test_a_key_is_held_against_its_type() -> None:
    with pytest.raises(Refused) as caught:
        KEYED.rows([{"x": 1.5, "id": 7}, {"x": 1.5, "id": "seven"}])
    (problem,) = caught.value.problems
    assert (problem.row, problem.column) == (1, "id")
    with pytest.raises(Refused, match="did you mean `id`"):
        KEYED.rows([{"x": 1.5, "idd": 7}])
