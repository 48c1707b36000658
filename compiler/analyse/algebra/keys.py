"""Constants as keys of a column: what each is where it is held against the column's values.

None stands wherever a comparison might not mean what its constant says: a
text that DuckDB would convert, a number that the column's floats cannot hold.
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache

from compiler.analyse.algebra.conditions import Constant
from compiler.analyse.algebra.values import (
    EVERYTHING,
    HIGHEST,
    LOWEST,
    Key,
    Span,
    Values,
    before,
    behind,
    single,
    union,
)
from compiler.graph.types import DataType

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_EXACT = 2**53
"""Up to here a double holds every whole number."""
_DIGITS = 15
"""Digits of a decimal that its double tells apart."""
_SHOWN = 4


def is_discrete(type: DataType) -> bool:
    """Whether there is a next value."""
    return type.is_integer or type in ("bool", "date", "timestamp", "timestamptz")


def key_of(constant: Constant, type: DataType) -> Key | None:
    """A constant of SQL as a key of a column of that type."""
    kind, text = constant.kind, constant.text
    if kind in ("integer", "decimal", "float"):
        return _number(kind, text, type)
    if kind == "bool":
        return int(text == "true") if type == "bool" else None
    if type == "string":
        return text if kind == "string" else None
    return _moment(text, type) if kind != "timestamp" or type != "date" else None


def key_of_value(value: bool | int | float | str, type: DataType) -> Key | None:
    """A value of a rule as a key of a column of that type."""
    if isinstance(value, bool):
        return int(value) if type == "bool" else None
    if isinstance(value, str):
        return value if type == "string" else _moment(value, type)
    if type == "float32" and isinstance(value, float):
        return _rounded(value)
    if type.is_decimal and isinstance(value, float):
        return Decimal(repr(value)) if _precision(type) <= _DIGITS else None
    kind = "float" if isinstance(value, float) else "integer"
    return _number(kind, repr(value), type)


@cache
def type_values(type: DataType) -> Values:
    """All values that the type has."""
    if type == "bool":
        return union([(before(0, True), behind(1, True))])
    if not type.is_integer:
        return EVERYTHING
    bits = int(type.lstrip("uint"))
    low, high = (
        (0, 2**bits - 1) if type.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    return union([(before(low, True), behind(high, True))])


def _number(kind: str, text: str, type: DataType) -> Key | None:
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return None
    if not exact.is_finite() or abs(exact.adjusted()) > 300:
        return None
    if type.is_integer:
        fits = kind != "float" or abs(exact) < _EXACT
        return (int(exact) if exact == int(exact) else exact) if fits else None
    if type.is_decimal:
        return exact if kind != "float" else None
    if type == "float64":
        return float(exact) if kind != "integer" or abs(exact) <= _EXACT else None
    if type == "float32":
        near = _rounded(float(exact))
        return near if near is not None and Decimal(near) == exact else None
    return None


def _rounded(value: float) -> float | None:
    """The nearest 32 bit float."""
    try:
        found: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return None
    return found


def _precision(type: DataType) -> int:
    return int(re.findall(r"\d+", type)[0])


def _moment(text: str, type: DataType) -> Key | None:
    """A day or a microsecond, counted."""
    try:
        if type == "date":
            return date.fromisoformat(text).toordinal() if _DATE.fullmatch(text) else None
        if type not in ("timestamp", "timestamptz") or not _TIMESTAMP.fullmatch(text):
            return None
        return (datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH) // timedelta(
            microseconds=1
        )
    except ValueError:
        return None


def said(values: Values, type: DataType) -> str:
    """A set in a few words: ``18 to 99``, ``5, 7``, ``below 3``."""
    if values.empty:
        return "nothing"
    words = [_span_said(span, type) for span in values.spans[:_SHOWN]]
    more = len(values.spans) - _SHOWN
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")


def _span_said(span: Span, type: DataType) -> str:
    # Nobody thinks of a microsecond as the next moment.
    discrete = is_discrete(type) and not type.startswith("timestamp")
    low, high = _moments(span) if type.startswith("timestamp") else span
    only = single((low, high), discrete)
    if only is not None:
        return shown(only, type)
    # A discrete span ends before the key that is no longer in it.
    last = high if high == HIGHEST or not discrete else (0, high[1] - 1, 1)
    if low == LOWEST:
        if last == HIGHEST:
            return "any value"
        return f"{'at most' if last[2] else 'below'} {shown(last[1], type)}"
    if last == HIGHEST:
        return f"{'above' if low[2] else 'at least'} {shown(low[1], type)}"
    return f"{shown(low[1], type)} to {shown(last[1], type)}"


def _moments(span: Span) -> Span:
    """A span of microseconds with its ends where they were written."""
    low, high = span
    if low != LOWEST and low[1] % _SECOND == 1:
        low = (0, low[1] - 1, 1)
    if high != HIGHEST and high[1] % _SECOND == 1:
        high = (0, high[1] - 1, 1)
    return low, high


def shown(key: Key, type: DataType) -> str:
    """A key as its user writes it."""
    if type == "bool":
        return str(bool(key)).lower()
    if type == "date":
        return date.fromordinal(key).isoformat()
    if type in ("timestamp", "timestamptz"):
        return str((_EPOCH + timedelta(microseconds=key)).replace(tzinfo=None))
    if isinstance(key, str):
        return f'"{key}"' if len(key) <= 40 else f'"{key[:40]}…"'
    if isinstance(key, float):
        return f"{key:g}" if float(f"{key:g}") == key else repr(key)
    return str(key)
