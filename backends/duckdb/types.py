"""Canonical column types, and what DuckDB and Arrow call them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.graph.types import DataType

if TYPE_CHECKING:
    import pyarrow as pa

_TO_DUCKDB = {
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "string": "VARCHAR",
    "binary": "BLOB",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}
_FROM_DUCKDB = {name: canonical for canonical, name in _TO_DUCKDB.items()} | {
    # What Parquet or the feature compiler cannot carry is narrowed to what it can:
    # sum(BIGINT) is a HUGEINT, and Parquet would make an inexact double of it.
    "HUGEINT": "int64",
    "UHUGEINT": "uint64",
    "BIGNUM": "float64",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMPTZ_NS": "timestamptz",
    "TIME_NS": "time",
    "TIME WITH TIME ZONE": "time",
    "UUID": "string",
    "JSON": "string",
    "BIT": "string",
    "VARIANT": "string",
    '"NULL"': "int32",
    "NULL": "int32",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)", re.IGNORECASE)


def from_duckdb(name: str) -> DataType:
    """The canonical type that a table carries for a DuckDB type; nested types keep their name."""
    decimal = _DECIMAL.fullmatch(name)
    if decimal is not None:
        return DataType(f"decimal({decimal[1]}, {decimal[2]})")
    if name.startswith("ENUM("):
        return DataType("string")
    return DataType(_FROM_DUCKDB.get(name, name))


def to_duckdb(type: DataType) -> str:
    """DuckDB's name of a canonical type."""
    if type.is_decimal:
        return type.upper().replace(" ", "")
    return _TO_DUCKDB.get(type, str(type))


def to_arrow(type: DataType) -> pa.DataType:
    """The Arrow type of a canonical scalar type.

    Raises:
        ValueError: The type is nested.
    """
    import pyarrow as pa

    if type.is_decimal:
        precision, scale = re.findall(r"\d+", type)
        return pa.decimal128(int(precision), int(scale))
    if not type.is_scalar:
        raise ValueError(f"{type} is nested")
    special = {
        "bool": pa.bool_(),
        "date": pa.date32(),
        "time": pa.time64("us"),
        "timestamp": pa.timestamp("us"),
        "timestamptz": pa.timestamp("us", tz="UTC"),
    }
    return special[type] if type in special else pa.type_for_alias(str(type))


def from_arrow(type: pa.DataType) -> DataType:
    """The canonical type of an Arrow type; a nested type keeps Arrow's name."""
    import pyarrow.types as t

    if t.is_timestamp(type):
        return DataType("timestamptz" if type.tz else "timestamp")
    if t.is_decimal(type):
        return DataType(f"decimal({type.precision}, {type.scale})")
    for test, name in (
        (t.is_boolean, "bool"),
        (t.is_date, "date"),
        (t.is_time, "time"),
        (t.is_null, "int32"),
        (t.is_float16, "float32"),
        (lambda x: t.is_string(x) or t.is_large_string(x) or t.is_string_view(x), "string"),
        (lambda x: t.is_binary(x) or t.is_large_binary(x) or t.is_binary_view(x), "binary"),
        (t.is_fixed_size_binary, "binary"),
    ):
        if test(type):
            return DataType(name)
    if t.is_dictionary(type):
        return from_arrow(type.value_type)
    renamed = {"float": "float32", "double": "float64", "halffloat": "float32"}
    return DataType(renamed.get(str(type), str(type)))
