"""One value of JSON to one value of a column, by the column's type."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from msgspec import Struct

from compiler.graph.types import FLOATS, DataType

One: TypeAlias = Callable[[Any], Any]
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""Numbers that JSON has no literal for are these texts."""
_NUMBER = re.compile(r"[+-]?\d{1,80}(\.\d{0,80})?([eE][+-]?\d{1,4})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_DAY_ZERO = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)


class Kind(Struct, frozen=True):
    """How values of one type are read.

    Values whose Python types are all in ``plain`` and that ``fit`` are taken as
    they are, which is all that most requests need; others go through ``one``,
    which returns the value or raises ValueError with the reason.
    ``element`` is what the model is fed with and ``blank`` what it is fed
    where a value is null, as `backends.models.feed` has it.
    """

    plain: frozenset[type]
    fit: Callable[[list[Any]], bool]
    one: One
    element: Any
    blank: Any
    arrow: pa.DataType


def kind_of(name: DataType) -> Kind:
    """How a column of that type is read; ValueError for one that no model takes."""
    if name.is_integer:
        return _integers(name)
    if name.is_decimal:
        return _decimals(name)
    if name not in _KINDS:
        raise ValueError(f"a model takes no {name}")
    return _KINDS[name]


def shown(value: object) -> str:
    """A value as a message shows it, short whatever was sent."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 128:
        return "a huge integer"
    if isinstance(value, str):
        text = value if len(value) <= 40 else value[:40] + "…"
        return '"' + text.encode("utf-8", "replace").decode() + '"'
    if isinstance(value, (int, float)):
        return str(value)
    return "an object" if isinstance(value, dict) else "a list"


def _never(values: list[Any]) -> bool:
    return not values


def _always(values: list[Any]) -> bool:  # noqa: ARG001 - the signature of every `fit`
    return True


# Integers.


def _integers(name: DataType) -> Kind:
    """Unsigned 64 bits only as far as the model's own int64 goes."""
    bounds = np.iinfo(str(name))
    low, high = int(bounds.min), min(int(bounds.max), 2**63 - 1)
    return Kind(
        frozenset((int,)),
        partial(_within, low, high),
        partial(_integer, name, low, high),
        np.int64,
        0,
        pa.type_for_alias(name),
    )


def _within(low: int, high: int, values: list[int]) -> bool:
    if len(values) == 1:
        return low <= values[0] <= high
    return not values or (min(values) >= low and max(values) <= high)


def _integer(name: str, low: int, high: int, value: object) -> int:
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{shown(value)} is no integer")
    if not low <= value <= high:
        raise ValueError(f"{shown(value)} is out of range for {name}: {low} to {high}")
    return value


# Numbers with a fraction.


def _double(value: object) -> float:
    if isinstance(value, str) and value in NON_FINITE:
        return NON_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{shown(value)} is no number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{shown(value)} is out of range for float64") from None


def _single(value: object) -> float:
    """The nearest number of 32 bits, as a table of that type holds it."""
    wide = _double(value)
    try:
        found: float = struct.unpack("<f", struct.pack("<f", wide))[0]
    except OverflowError:
        raise ValueError(f"{shown(value)} is out of range for float32") from None
    return found


def _decimals(name: DataType) -> Kind:
    precision, scale = (int(part) for part in name[len("decimal(") : -1].split(", "))
    one = partial(_decimal, name, Decimal(1).scaleb(-scale), precision)
    arrow = (pa.decimal128 if precision <= 38 else pa.decimal256)(precision, scale)
    return Kind(frozenset(), _never, one, np.float64, 0, arrow)


def _decimal(name: str, unit: Decimal, precision: int, value: object) -> Decimal:
    """A number or its text; one that the type cannot hold exactly is refused, not rounded."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{shown(value)} is no decimal number")
    text = value if isinstance(value, str) else "" if _huge(value) else repr(value)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{shown(value)} is no decimal number")
    rules = Context(prec=precision, traps=[InvalidOperation, Inexact])
    try:
        return Decimal(text).quantize(unit, context=rules)
    except (InvalidOperation, Inexact):
        raise ValueError(f"{shown(value)} does not fit {name}") from None


def _huge(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > 512


# Text and truth.


def _encodable(values: list[str]) -> bool:
    if all(map(str.isascii, values)):
        return True
    try:
        "".join(values).encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is no text")
    if not _encodable([value]):
        raise ValueError(f"{shown(value)} is no valid UTF-8")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither true nor false")
    return value


# Dates and times, as the counts that the model is fed with.


def _date(value: object) -> int:
    try:
        return date.fromisoformat(_iso(value)).toordinal() - _DAY_ZERO
    except ValueError:
        raise ValueError(f"{shown(value)} is no date such as 2026-01-31") from None


def _time(value: object) -> int:
    try:
        found = time.fromisoformat(_iso(value))
        if found.tzinfo is not None:
            raise ValueError
    except ValueError:
        raise ValueError(f"{shown(value)} is no time such as 13:05:59.5") from None
    seconds = (found.hour * 60 + found.minute) * 60 + found.second
    return seconds * 1_000_000 + found.microsecond


def _timestamp(value: object) -> int:
    try:
        found = datetime.fromisoformat(_iso(value))
        if found.tzinfo is not None:
            raise ValueError
    except ValueError:
        example = "2026-01-31T13:05:59, without a time zone"
        raise ValueError(f"{shown(value)} is no timestamp such as {example}") from None
    return (found - _EPOCH) // _MICROSECOND


def _instant(value: object) -> int:
    try:
        found = datetime.fromisoformat(_iso(value))
        if found.tzinfo is None:
            raise ValueError
        return (found.replace(tzinfo=UTC) - _EPOCH_UTC - _offset(found)) // _MICROSECOND
    except ValueError:
        example = "2026-01-31T13:05:59Z, with its time zone"
        raise ValueError(f"{shown(value)} is no timestamp such as {example}") from None


_EPOCH_UTC = _EPOCH.replace(tzinfo=UTC)


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


def _iso(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


_KINDS: dict[str, Kind] = {
    "bool": Kind(frozenset((bool,)), _always, _truth, np.bool_, False, pa.bool_()),
    "string": Kind(frozenset((str,)), _encodable, _text, np.object_, "", pa.string()),
    "float64": Kind(frozenset((float,)), _always, _double, np.float64, 0.0, pa.float64()),
    "float32": Kind(frozenset(), _never, _single, np.float64, 0.0, pa.float32()),
    "date": Kind(frozenset(), _never, _date, np.int64, 0, pa.date32()),
    "time": Kind(frozenset(), _never, _time, np.int64, 0, pa.time64("us")),
    "timestamp": Kind(frozenset(), _never, _timestamp, np.int64, 0, pa.timestamp("us")),
    "timestamptz": Kind(frozenset(), _never, _instant, np.int64, 0, pa.timestamp("us", "UTC")),
}


# The way back, for requests that are written down.


def written(values: pa.Array, kind: DataType) -> list[Any]:
    """Values of a table as JSON that reads back to them; ValueError where one has none."""
    if kind.is_temporal:
        return [None if count is None else _stamp(count, kind) for count in _counts(values, kind)]
    found: list[Any] = values.to_pylist()
    if kind.is_decimal:
        return [None if value is None else str(value) for value in found]
    return finite(found) if kind in FLOATS else found


def finite(values: list[Any]) -> list[Any]:
    """Numbers as JSON can say them."""
    return [value if value is None or value - value == 0 else _named(value) for value in values]


def _named(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _counts(values: pa.Array, kind: DataType) -> list[Any]:
    target: pa.DataType = _KINDS[kind].arrow
    if pa.types.is_timestamp(values.type):
        target = pa.timestamp("us", values.type.tz)
    same = values.cast(target, safe=False)
    counts: list[Any] = same.cast(pa.int32() if kind == "date" else pa.int64()).to_pylist()
    return counts


def _stamp(count: int, kind: DataType) -> str:
    try:
        if kind == "date":
            return date.fromordinal(count + _DAY_ZERO).isoformat()
        moment = _EPOCH + timedelta(microseconds=count)
    except OverflowError:
        raise ValueError(f"{kind} {count} is beyond the years 1 to 9999") from None
    if kind == "time":
        return moment.time().isoformat()
    return moment.isoformat() + ("Z" if kind == "timestamptz" else "")
