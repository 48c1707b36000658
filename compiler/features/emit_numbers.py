"""Arithmetic and functions of numbers: integers exact in 64 bits, all others double."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from compiler.features.bound import Bound, precision
from compiler.features.emit_core import INT64_SPAN, Emit, Emitter, Value, propagated
from compiler.features.onnx_graph import DOUBLE, INT, Tensor

_OPS = {"+": "Add", "-": "Sub", "*": "Mul"}
_RANGES: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def arithmetic(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``+ - *``; an integer result beyond 64 bits is null."""
    left, right = arguments
    null = propagated(emit, left, right)
    tensor = emit.op(_OPS[node.op], left.tensor, right.tensor)
    if tensor.element == DOUBLE:
        return Value(tensor, null)
    combine = _RANGES[node.op]
    ends = [combine(x, y) for x in (left.low, left.high) for y in (right.low, right.high)]
    if INT64_SPAN[0] <= min(ends) and max(ends) <= INT64_SPAN[1]:
        return Value(tensor, null, False, min(ends), max(ends))
    find = _product_overflow if node.op == "*" else _sum_overflow
    beyond = find(emit, node.op, left.tensor, right.tensor, tensor)
    low, high = max(min(ends), INT64_SPAN[0]), min(max(ends), INT64_SPAN[1])
    return Value(tensor, emit.any_null(null, beyond), False, low, high)


def _sum_overflow(emit: Emit, op: str, left: Tensor, right: Tensor, result: Tensor) -> Tensor:
    """Where a wrapped sum has a sign that neither operand gives it, told from the sign bits."""
    first = emit.op("BitwiseXor", left, result)
    second = emit.op("BitwiseXor", right, result if op == "+" else left)
    return emit.test("Less", emit.op("BitwiseAnd", first, second), emit.integer(0))


def _product_overflow(emit: Emit, _op: str, left: Tensor, right: Tensor, result: Tensor) -> Tensor:
    """Where the product in doubles is far beyond 64 bits, or the wrapped one has another sign.

    Doubles are close enough to tell the sign, and to tell a product beyond one
    and a half times the greatest; one between wraps to the other sign.
    """
    near = emit.op("Mul", emit.graph.cast(left, DOUBLE), emit.graph.cast(right, DOUBLE))
    far = emit.test("GreaterOrEqual", emit.op("Abs", near), emit.double(1.5 * 2.0**63))
    below = emit.test("Less", near, emit.double(0.0))
    wrapped = emit.test("Xor", below, emit.test("Less", result, emit.integer(0)))
    return emit.either(far, wrapped)


def divide(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``/``: as floating point numbers divide."""
    left, right = arguments
    return Value(_quotient(emit, left, right.tensor), propagated(emit, left, right))


def whole_divide(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``//``: truncates integers; null by zero."""
    left, right = arguments
    null = propagated(emit, left, right)
    if left.tensor.element == DOUBLE:
        zero = emit.test("Equal", right.tensor, emit.double(0.0))
        by_zero = None if right.literal else zero
        return Value(_quotient(emit, left, right.tensor), emit.any_null(null, by_zero))
    safe, naught, least = _divisor(emit, left, right)
    tensor = _quotient(emit, left, safe)
    reach = max(abs(left.low), abs(left.high))
    low, high = (-reach, reach) if reach <= INT64_SPAN[1] else INT64_SPAN
    return Value(tensor, emit.any_null(null, naught, least), False, low, high)


def remainder(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``%``: the sign of the left; integers null by zero, doubles NaN; of the least by -1, 0."""
    left, right = arguments
    null = propagated(emit, left, right)
    if left.tensor.element == DOUBLE:
        tensor = emit.graph.node("Mod", [left.tensor, right.tensor], DOUBLE, fmod=1)
        return Value(tensor, null)
    safe, zero, _ = _divisor(emit, left, right)
    whole = emit.op("Mul", _quotient(emit, left, safe), safe)
    reach = min(max(abs(right.low), abs(right.high)), INT64_SPAN[1])
    low, high = (-reach if left.low < 0 else 0), reach
    tensor = emit.op("Sub", left.tensor, whole)
    return Value(tensor, emit.any_null(null, zero), False, low, high)


def _quotient(emit: Emit, left: Value, divisor: Tensor) -> Tensor:
    """``Div`` of what need not be a whole column.

    onnxruntime makes ``y / x`` of ``1 / x * y`` where it sees the constant, which has another
    last bit, and of whole numbers is another number.
    """
    return emit.op("Div", emit.graph.stretched(left.tensor), divisor)


def _divisor(emit: Emit, left: Value, right: Value) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """A divisor that the processor takes; where the true one is 0; where the least meets -1.

    Dividing by zero, and the least integer by -1, would end the process.
    """
    zero: Tensor | None = None
    both: Tensor | None = None
    if right.low <= 0 <= right.high:
        zero = emit.test("Equal", right.tensor, emit.integer(0))
    if right.low <= -1 <= right.high and left.low == INT64_SPAN[0]:
        minus = emit.test("Equal", right.tensor, emit.integer(-1))
        least = emit.test("Equal", left.tensor, emit.integer(INT64_SPAN[0]))
        both = emit.both(minus, least)
    unfit = emit.any_null(zero, both)
    safe = right.tensor if unfit is None else emit.choose(unfit, emit.integer(1), right.tensor)
    return safe, zero, both


def negate(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``-x``."""
    (value,) = arguments
    tensor = emit.op("Neg", value.tensor)
    if tensor.element == DOUBLE:
        return Value(tensor, value.null, value.nan)
    null = emit.any_null(value.null, _least(emit, value))
    return Value(tensor, null, False, -value.high, min(-value.low, INT64_SPAN[1]))


def absolute(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``abs``."""
    (value,) = arguments
    tensor = emit.op("Abs", value.tensor)
    if tensor.element == DOUBLE:
        return Value(tensor, value.null, value.nan)
    null = emit.any_null(value.null, _least(emit, value))
    reach = min(max(abs(value.low), abs(value.high)), INT64_SPAN[1])
    return Value(tensor, null, False, 0, reach)


def _least(emit: Emit, value: Value) -> Tensor | None:
    """Where an integer is the one that has no opposite."""
    if value.low > INT64_SPAN[0]:
        return None
    return emit.test("Equal", value.tensor, emit.integer(INT64_SPAN[0]))


def one_node(op: str) -> Emitter:
    """A function that ONNX has as it is."""

    def emitted(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
        (value,) = arguments
        return Value(emit.op(op, value.tensor), value.null)

    return emitted


def sign(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``sign``: NaN has none."""
    (value,) = arguments
    tensor = value.tensor
    if value.nan and tensor.element == DOUBLE:
        tensor = emit.choose(emit.test("IsNaN", tensor), emit.double(0.0), tensor)
    return Value(emit.graph.cast(emit.op("Sign", tensor), INT), value.null, False, -1, 1)


def half_away(emit: Emit, tensor: Tensor) -> Tensor:
    """To the nearest whole number, halves away from zero (ONNX rounds them to even)."""
    size = emit.op("Abs", tensor)
    whole = emit.op("Floor", size)
    up = emit.test("GreaterOrEqual", emit.op("Sub", size, whole), emit.double(0.5))
    rounded = emit.op("Add", whole, emit.graph.cast(up, DOUBLE))
    return emit.op("Mul", rounded, emit.op("Sign", tensor))


def round_to(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``round`` to a constant number of digits; too large to have such digits stays itself."""
    value, places = arguments[0], int(node.value or 0)
    if value.tensor.element == INT:
        return value
    if node.arguments[0].type.is_decimal and places < precision(node.arguments[0].type)[1]:
        return Value(_round_units(emit, node, value.tensor, places), value.null, value.nan)
    if places == 0:
        return Value(_whole(emit, value), value.null, value.nan)
    scale = emit.double(10.0 ** abs(places))
    there, back = ("Mul", "Div") if places > 0 else ("Div", "Mul")
    rounded = emit.op(back, half_away(emit, emit.op(there, value.tensor, scale)), scale)
    lost = emit.either(emit.test("IsNaN", rounded), emit.test("IsInf", rounded))
    return Value(emit.choose(lost, value.tensor, rounded), value.null, value.nan)


def _whole(emit: Emit, value: Value) -> Tensor:
    """``round`` to whole numbers; NaN stays itself, or its sign would depend on its neighbours."""
    rounded = half_away(emit, value.tensor)
    return (
        emit.choose(emit.test("IsNaN", value.tensor), value.tensor, rounded)
        if value.nan
        else rounded
    )


def _round_units(emit: Emit, node: Bound, tensor: Tensor, places: int) -> Tensor:
    """A decimal rounded by its whole units, so that 1.15 is a half although its double is not."""
    scale = precision(node.arguments[0].type)[1]
    units = emit.op("Round", emit.op("Mul", tensor, emit.double(10.0**scale)))
    rounded = half_away(emit, emit.op("Div", units, emit.double(10.0 ** (scale - places))))
    power_of = emit.double(10.0 ** abs(places))
    return emit.op("Div" if places >= 0 else "Mul", rounded, power_of)


def power(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``pow``.

    onnxruntime squares and cubes by other means when the exponent is one
    constant and there is more than one row; a row would then depend on others.
    """
    left, right = arguments
    null = propagated(emit, left, right)
    if right.literal == 2.0:
        return Value(emit.op("Mul", left.tensor, left.tensor), null)
    exponent = right.tensor
    if right.literal in (None, 3.0) and not left.tensor.constant:
        exponent = emit.graph.stretched(exponent)
    return Value(emit.op("Pow", left.tensor, exponent), null)


def exponential(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``exp``, as a power of e.

    onnxruntime's Exp gives an element another last bit by where it stands in
    the batch; its Pow does not.
    """
    (value,) = arguments
    return Value(emit.op("Pow", emit.double(math.e), value.tensor), value.null, value.nan)


def natural_logarithm(emit: Emit, value: Value) -> Tensor:
    """The logarithm of each element alone.

    onnxruntime's Log gives an element another last bit by where it stands in
    the batch; the logarithm of a sum over one element does not.
    """
    column = emit.op("Unsqueeze", value.tensor, emit.graph.constant([-1], INT))
    axis = emit.graph.constant([-1], INT)
    return emit.graph.node("ReduceLogSum", [column, axis], DOUBLE, keepdims=0)


def logarithm(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``ln``."""
    return Value(natural_logarithm(emit, arguments[0]), arguments[0].null)


def logarithm_to(base: float) -> Emitter:
    """``log10`` and ``log2``: exact for whole powers of the base."""

    def emitted(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
        (value,) = arguments
        raw = emit.op("Div", natural_logarithm(emit, value), emit.double(math.log(base)))
        whole = emit.op("Round", raw)
        power_of = emit.op("Pow", emit.double(base), whole)
        exact = emit.test("Equal", power_of, value.tensor)
        return Value(emit.choose(exact, whole, raw), value.null)

    return emitted


def number_test(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``isnan``, ``isinf``, ``isfinite``."""
    (value,) = arguments
    if value.tensor.element == INT:
        return Value(emit.true if node.op == "isfinite" else emit.false, value.null)
    tests = [emit.test(name, value.tensor) for name in _TESTS[node.op]]
    if node.op == "isfinite":
        return Value(emit.no(emit.either(*tests)), value.null)
    return Value(tests[0], value.null)


_TESTS = {"isnan": ["IsNaN"], "isinf": ["IsInf"], "isfinite": ["IsNaN", "IsInf"]}
EMITTERS: dict[str, Emitter] = {
    "+": arithmetic,
    "-": arithmetic,
    "*": arithmetic,
    "/": divide,
    "//": whole_divide,
    "%": remainder,
    "negate": negate,
    "abs": absolute,
    "sign": sign,
    "floor": one_node("Floor"),
    "ceil": one_node("Ceil"),
    "round": round_to,
    "sqrt": one_node("Sqrt"),
    "exp": exponential,
    "ln": logarithm,
    "log10": logarithm_to(10.0),
    "log2": logarithm_to(2.0),
    "pow": power,
    "isnan": number_test,
    "isinf": number_test,
    "isfinite": number_test,
}
"""Operators and functions of numbers."""
