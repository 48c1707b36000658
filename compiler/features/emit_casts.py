"""Casts, with DuckDB's rounding; what does not fit is null."""

from __future__ import annotations

from compiler.features.bound import DAY_US, STRING, Bound
from compiler.features.emit_core import INT64_SPAN, Emit, Emitter, Value
from compiler.features.emit_numbers import half_away
from compiler.features.onnx_graph import BOOL, DOUBLE, FLOAT, INT, TEXT, Tensor
from compiler.features.rules import span
from compiler.graph.types import DataType


def cast(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``cast`` and the conversions that types ask for."""
    (value,) = arguments
    source, target = node.arguments[0].type, node.type
    if source == target:
        return value
    if target == STRING:
        return _text(emit, value)
    if target.is_temporal:
        return _moment(emit, value, source, target)
    if target == "bool":
        return Value(_truth(emit, value.tensor), value.null)
    if target.is_integer:
        return _integer(emit, value, source, target)
    return _real(emit, value, target)


def _text(emit: Emit, value: Value) -> Value:
    if value.tensor.element == BOOL:
        yes, no = emit.graph.constant("true", TEXT), emit.graph.constant("false", TEXT)
        return Value(emit.choose(value.tensor, yes, no), value.null)
    return Value(emit.graph.cast(value.tensor, TEXT), value.null)


def _truth(emit: Emit, tensor: Tensor) -> Tensor:
    zero = emit.integer(0) if tensor.element == INT else emit.double(0.0)
    return emit.no(emit.test("Equal", tensor, zero))


def _moment(emit: Emit, value: Value, source: DataType, target: DataType) -> Value:
    if "date" not in (source, target):
        return value
    day = emit.integer(DAY_US)
    if source == "date":
        return Value(emit.op("Mul", value.tensor, day), value.null, False)
    return Value(floor_divide(emit, value.tensor, DAY_US), value.null, False)


def floor_divide(emit: Emit, tensor: Tensor, by: int) -> Tensor:
    """Integer division that rounds down, by a positive constant."""
    divisor = emit.integer(by)
    rest = emit.op("Mod", tensor, divisor)
    return emit.op("Div", emit.op("Sub", tensor, rest), divisor)


def _integer(emit: Emit, value: Value, source: DataType, target: DataType) -> Value:
    low, high = span(target)
    high = min(high, INT64_SPAN[1])
    if value.tensor.element == BOOL:
        return Value(emit.graph.cast(value.tensor, INT), value.null, False, 0, 1)
    if value.tensor.element == INT:
        if low <= value.low and value.high <= high:
            return value
        fits = _within(emit, value.tensor, emit.integer(low), emit.integer(high))
        return Value(value.tensor, emit.any_null(value.null, emit.no(fits)), False, low, high)
    half = half_away(emit, value.tensor) if source.is_decimal else emit.op("Round", value.tensor)
    top = emit.double(float(high) if high < 2**53 else 2.0**63 - 1024)
    fits = _within(emit, half, emit.double(float(low)), top)
    safe = emit.choose(fits, half, emit.double(0.0))
    null = emit.any_null(value.null, emit.no(fits))
    return Value(emit.graph.cast(safe, INT), null, False, low, high)


def _within(emit: Emit, tensor: Tensor, low: Tensor, high: Tensor) -> Tensor:
    above = emit.test("GreaterOrEqual", tensor, low)
    return emit.both(above, emit.test("LessOrEqual", tensor, high))


def _real(emit: Emit, value: Value, target: DataType) -> Value:
    exact = value.tensor.element != DOUBLE
    tensor = emit.graph.cast(value.tensor, DOUBLE)
    if target != "float32":
        return Value(tensor, value.null, value.nan and not exact)
    single = emit.graph.cast(emit.graph.cast(tensor, FLOAT), DOUBLE)
    if exact:
        return Value(single, value.null, False)
    overflown = emit.both(emit.test("IsInf", single), emit.no(emit.test("IsInf", tensor)))
    return Value(single, emit.any_null(value.null, overflown), value.nan)


EMITTERS: dict[str, Emitter] = {"cast": cast}
"""The cast."""
