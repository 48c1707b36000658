"""The words of the language: reserved ones, types, parts of a date, other names of functions."""

from __future__ import annotations

_RESERVED = (
    "all and any array as asc both case cast check collate column constraint create default desc "
    "distinct do else end except false for foreign from group having in intersect into is lambda "
    "limit not null offset on or order primary qualify references returning select some table "
    "then to true union unique using when where window with"
)
RESERVED = frozenset(_RESERVED.split())
"""Words that are no column unless quoted."""

TYPES = {
    "boolean": "boolean bool logical",
    "tinyint": "tinyint int1",
    "smallint": "smallint int2 short int16",
    "integer": "integer int int4 signed int32",
    "bigint": "bigint int8 long int64",
    "utinyint": "utinyint uint8",
    "usmallint": "usmallint uint16",
    "uinteger": "uinteger uint32",
    "ubigint": "ubigint uint64",
    "float": "float float4 real",
    "double": "double float8",
    "varchar": "varchar text string char bpchar",
    "date": "date",
    "timestamp": "timestamp datetime",
    "timestamptz": "timestamptz",
    "time": "time",
}
"""The types of ``cast``: DuckDB's name, and all names it has."""
TYPE_NAMES = {alias: name for name, aliases in TYPES.items() for alias in aliases.split()}
DATA_TYPES = {
    "boolean": "bool", "tinyint": "int8", "smallint": "int16", "integer": "int32",
    "bigint": "int64", "utinyint": "uint8", "usmallint": "uint16", "uinteger": "uint32",
    "ubigint": "uint64", "float": "float32", "double": "float64", "varchar": "string",
    "date": "date", "timestamp": "timestamp", "timestamptz": "timestamptz", "time": "time",
}  # fmt: skip
"""DuckDB's name of a type to ours."""

PARTS = {
    "year": "year years yr yrs y",
    "quarter": "quarter quarters",
    "month": "month months mon mons",
    "week": "week weeks w weekofyear",
    "day": "day days d dayofmonth",
    "dayofweek": "dayofweek weekday dow",
    "isodow": "isodow",
    "dayofyear": "dayofyear doy",
    "hour": "hour hours hr hrs h",
    "minute": "minute minutes min mins m",
    "second": "second seconds sec secs s",
    "millisecond": "millisecond milliseconds ms msec msecs",
    "microsecond": "microsecond microseconds us usec usecs",
    "epoch": "epoch",
}
"""Parts of a date or time: the function, and all names the part has."""
PART_NAMES = {alias: name for name, aliases in PARTS.items() for alias in aliases.split()}

ALIASES = {
    "power": "pow",
    "ceiling": "ceil",
    "ifnull": "coalesce",
    "log": "log10",
    "dayofmonth": "day",
    "weekday": "dayofweek",
    "weekofyear": "week",
    "prefix": "starts_with",
    "suffix": "ends_with",
    "datediff": "date_diff",
    "datepart": "date_part",
}
"""Other names of functions."""

NOT_CALLED = frozenset(("or", "and", "not", "between", "in", "like", "case", "switch", "negate"))
"""Names in the tree that nobody writes before a parenthesis."""

OPERATORS = {"==": "=", "!=": "<>"}
"""Other spellings of operators."""
