"""Typed expressions: what the typer makes of a tree and the emitter turns into ONNX."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TypeAlias

from compiler.codes import Code
from compiler.features.problems import Refused
from compiler.features.tree import At
from compiler.graph.types import DataType

Constant: TypeAlias = bool | int | float | str | None
NULL = DataType("null")
"""The type of the literal null until its neighbours give it one."""
BOOL, STRING, INT32, INT64 = map(DataType, ("bool", "string", "int32", "int64"))
FLOAT32, FLOAT64 = DataType("float32"), DataType("float64")
DATE, TIME, TIMESTAMP, TIMESTAMPTZ = map(DataType, ("date", "time", "timestamp", "timestamptz"))
DAY_US = 86_400_000_000
_DATE = re.compile(r"([0-9]{1,4})-([0-9]{1,2})-([0-9]{1,2})")
_CLOCK = re.compile(r"(?:[ T]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?Z?)?")
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Bound:
    """A typed node: ``column`` or ``literal`` (in ``value``), ``cast``, or a function's name.

    Arguments already have the types the function computes with. A date is
    counted in days, a timestamp in microseconds. ``nullable`` is DuckDB's: an
    expression that DuckDB fails on (an overflow, a division by zero) is null
    in the model all the same.
    """

    op: str
    type: DataType
    nullable: bool
    arguments: tuple[Bound, ...] = ()
    value: Constant = None
    at: At = field(default=At(0, 1), compare=False)

    @property
    def is_constant(self) -> bool:
        """A literal other than null."""
        return self.op == "literal" and self.value is not None


def coerce(node: Bound, target: DataType) -> Bound:
    """The same value as another type that its own converts to implicitly.

    Widening that changes nothing in the model (every integer is an int64 there,
    every other number a double) gives the node itself.
    """
    if node.type == target:
        return node
    if node.op == "literal":
        return replace(node, type=target, value=_convert(node, target))
    if node.type.is_integer and target.is_integer:
        return node
    if target == FLOAT64 and (node.type == FLOAT32 or node.type.is_decimal):
        return node
    if target.is_decimal and node.type.is_decimal:
        return node
    return Bound("cast", target, node.nullable, (node,), at=node.at)


def _convert(node: Bound, target: DataType) -> Constant:
    value, source = node.value, node.type
    if value is None:
        return None
    if isinstance(value, str) and target in (DATE, TIMESTAMP, TIMESTAMPTZ):
        return moment(value, target, node.at)
    if target.is_float or target.is_decimal:
        return single(float(value)) if target == FLOAT32 else float(value)
    if source == DATE and target in (TIMESTAMP, TIMESTAMPTZ):
        return int(value) * DAY_US
    return int(value) if target.is_integer else value


def single(value: float) -> float:
    """The nearest float32."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def moment(text: str, target: DataType, at: At) -> int:
    """Days or microseconds since 1970 of a date or a timestamp; raises Refused (E304)."""
    day = _DATE.match(text.strip())
    clock = _CLOCK.fullmatch(text.strip(), day.end()) if day else None
    try:
        if day is None or clock is None or (target == DATE and clock.group(1)):
            raise ValueError(text)
        days = (date(*map(int, day.groups())) - _EPOCH.date()).days
        if target == DATE:
            return days
        hour, minute, second = (int(group or 0) for group in clock.groups()[:3])
        micro = int((clock.group(4) or "0").ljust(6, "0")[:6])
        exact = timedelta(days, second, micro, 0, minute, hour)
        if hour > 23 or minute > 59 or second > 59:
            raise ValueError(text)
        return exact // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        form = "'2024-12-31'" if target == DATE else "'2024-12-31 23:59:59'"
        message = f"'{text[:40]}' is no {target}"
        raise Refused(Code.EXPRESSION_TYPE, message, at, f"write it like {form}") from None


_DIGITS = {"int8": 3, "int16": 5, "int32": 10, "int64": 19,
           "uint8": 3, "uint16": 5, "uint32": 10, "uint64": 20}  # fmt: skip


def unify(left: DataType, right: DataType) -> DataType | None:
    """The type that both convert to, as DuckDB's binder chooses it; None where there is none."""
    if left == right or right == NULL:
        return left
    if left == NULL:
        return right
    if left.is_numeric and right.is_numeric:
        return _numeric(left, right)
    if BOOL in (left, right):
        other = right if left == BOOL else left
        return other if other.is_integer else None
    if {left, right} <= {DATE, TIMESTAMP, TIMESTAMPTZ}:
        return TIMESTAMPTZ if TIMESTAMPTZ in (left, right) else TIMESTAMP
    return None


def _numeric(left: DataType, right: DataType) -> DataType:
    if left.is_float or right.is_float:
        return FLOAT64 if FLOAT64 in (left, right) else FLOAT32
    if left.is_integer and right.is_integer:
        return _integer(left, right)
    (p1, s1), (p2, s2) = precision(left), precision(right)
    scale = max(s1, s2)
    return decimal(max(p1 - s1, p2 - s2) + scale, scale)


def _integer(left: DataType, right: DataType) -> DataType:
    first, second = _bits(left), _bits(right)
    if left.startswith("u") == right.startswith("u"):
        return left if first >= second else right
    unsigned, signed = (first, second) if left.startswith("u") else (second, first)
    return DataType(f"int{min(64, max(signed, unsigned * 2))}")


def _bits(kind: DataType) -> int:
    return int(kind.removeprefix("uint").removeprefix("int"))


def precision(kind: DataType) -> tuple[int, int]:
    """Digits and digits after the point of an integer or decimal type."""
    if kind.is_integer:
        return _DIGITS[kind], 0
    digits, scale = kind.removeprefix("decimal(").removesuffix(")").split(", ")
    return int(digits), int(scale)


def decimal(digits: int, scale: int) -> DataType:
    """A decimal type, within the 38 digits there are."""
    return DataType(f"decimal({min(digits, 38)}, {min(scale, 38)})")
