"""Comparison, three-valued logic and choice."""

from __future__ import annotations

from functools import reduce

from msgspec.structs import replace

from compiler.features.bound import Bound
from compiler.features.emit_core import Emit, Emitter, Value, propagated
from compiler.features.onnx_graph import BOOL, DOUBLE, INT, ML, TEXT, Tensor

MANY = 3
"""From so many literals on, membership is one look-up instead of comparisons."""


def total(emit: Emit, op: str, left: Value, right: Value) -> Tensor:
    """A comparison in DuckDB's order: NaN equals itself and is above all numbers."""
    if left.tensor.element == BOOL and op != "=":
        left, right = (replace(v, tensor=emit.graph.cast(v.tensor, INT)) for v in (left, right))
    if left.tensor.element == DOUBLE and (left.nan or right.nan):
        return _with_nan(emit, op, left, right)
    return emit.test(_NODES[op], left.tensor, right.tensor)


_NODES = {
    "=": "Equal", "<": "Less", "<=": "LessOrEqual", ">": "Greater", ">=": "GreaterOrEqual",
}  # fmt: skip


def _with_nan(emit: Emit, op: str, left: Value, right: Value) -> Tensor:
    if op in ("<", "<="):
        return total(emit, {"<": ">", "<=": ">="}[op], right, left)
    if op == "=":
        equal = emit.test("Equal", left.tensor, right.tensor)
        both = emit.both(_nan(emit, left), _nan(emit, right))
        return emit.either(equal, both)
    if op == ">=":
        above = emit.test("GreaterOrEqual", left.tensor, right.tensor)
        return emit.either(above, _nan(emit, left))
    not_above = emit.test("LessOrEqual", left.tensor, right.tensor)
    return emit.both(emit.no(not_above), emit.no(_nan(emit, right)))


def _nan(emit: Emit, value: Value) -> Tensor:
    return emit.test("IsNaN", value.tensor) if value.nan else emit.false


def comparison(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``= <> < <= > >=``."""
    left, right = arguments
    null = propagated(emit, left, right)
    if node.op == "<>":
        return Value(emit.no(total(emit, "=", left, right)), null)
    return Value(total(emit, node.op, left, right), null)


def distinct(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``is distinct from``: null equals null and nothing else."""
    left, right = arguments
    other = emit.no(total(emit, "=", left, right))
    if left.null is None and right.null is None:
        return Value(other)
    first, second = left.null or emit.false, right.null or emit.false
    one = emit.both(emit.either(first, second), emit.no(emit.both(first, second)))
    neither = emit.no(emit.either(first, second))
    return Value(emit.either(one, emit.both(neither, other)))


def conjunction(emit: Emit, left: Value, right: Value) -> Value:
    """``and``: false with false, whatever the other is."""
    tensor = emit.both(left.tensor, right.tensor)
    either = emit.any_null(left.null, right.null)
    if either is None:
        return Value(tensor)
    open_left = _or_null(emit, left.tensor, left)
    open_right = _or_null(emit, right.tensor, right)
    return Value(tensor, emit.both(either, emit.both(open_left, open_right)))


def disjunction(emit: Emit, left: Value, right: Value) -> Value:
    """``or``: true with true, whatever the other is."""
    tensor = emit.either(left.tensor, right.tensor)
    either = emit.any_null(left.null, right.null)
    if either is None:
        return Value(tensor)
    open_left = _or_null(emit, emit.no(left.tensor), left)
    open_right = _or_null(emit, emit.no(right.tensor), right)
    return Value(tensor, emit.both(either, emit.both(open_left, open_right)))


def _or_null(emit: Emit, tensor: Tensor, value: Value) -> Tensor:
    return tensor if value.null is None else emit.either(tensor, value.null)


def logic(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``and`` and ``or``."""
    combine = conjunction if node.op == "and" else disjunction
    return combine(emit, *arguments)


def negation(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``not``."""
    return Value(emit.no(arguments[0].tensor), arguments[0].null)


def null_test(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``is null``."""
    return Value(arguments[0].null or emit.false)


def truth_test(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``is true`` and ``is false``."""
    (value,) = arguments
    wanted = value.tensor if node.op == "is true" else emit.no(value.tensor)
    return Value(wanted if value.null is None else emit.both(wanted, emit.no(value.null)))


def between(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``x between a and b``."""
    subject, low, high = arguments
    above = Value(total(emit, ">=", subject, low), propagated(emit, subject, low))
    below = Value(total(emit, "<=", subject, high), propagated(emit, subject, high))
    return conjunction(emit, above, below)


def member(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``x in (...)``: long lists of literals are looked up, others compared one by one."""
    subject, *values = arguments
    plain = [v for v in values if v.literal is not None]
    rest = [v for v in values if v.literal is None]
    parts: list[Value] = []
    if len(plain) >= MANY and subject.tensor.element in (TEXT, INT):
        parts.append(Value(_looked_up(emit, subject.tensor, plain), subject.null))
    else:
        rest = values
    parts += [
        Value(total(emit, "=", subject, value), propagated(emit, subject, value)) for value in rest
    ]
    return reduce(lambda left, right: disjunction(emit, left, right), parts)


def _looked_up(emit: Emit, subject: Tensor, values: list[Value]) -> Tensor:
    literals = sorted({value.literal for value in values})  # type: ignore[type-var]
    keys = "keys_strings" if subject.element == TEXT else "keys_int64s"
    attributes = {keys: literals, "values_int64s": [1] * len(literals), "default_int64": 0}
    found = emit.graph.node("LabelEncoder", [subject], INT, domain=ML, **attributes)
    return emit.graph.cast(found, BOOL)


def case(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``case``: the value of the first condition that is true."""
    result = arguments[-1]
    for place in range(len(arguments) - 3, -1, -2):
        condition, value = arguments[place], arguments[place + 1]
        holds = condition.tensor
        if condition.null is not None:
            holds = emit.both(holds, emit.no(condition.null))
        result = chosen(emit, holds, value, result)
    return result


def chosen(emit: Emit, condition: Tensor, yes: Value, no: Value) -> Value:
    """One value or the other."""
    return Value(
        emit.choose(condition, yes.tensor, no.tensor),
        emit.choose_null(condition, yes.null, no.null),
        yes.nan or no.nan,
        min(yes.low, no.low),
        max(yes.high, no.high),
    )


def coalesce(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``coalesce``: the first that is not null."""
    result = arguments[-1]
    for value in reversed(arguments[:-1]):
        if value.null is None:
            result = value
            continue
        null = None if result.null is None else emit.both(value.null, result.null)
        result = replace(chosen(emit, value.null, result, value), null=null)
    return result


def nullif(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``nullif``: null where both are equal."""
    kept, left, right = arguments
    equal = total(emit, "=", left, right)
    if right.null is not None:
        equal = emit.both(equal, emit.no(right.null))
    return replace(kept, null=emit.any_null(kept.null, equal), literal=None)


def extreme(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``least`` and ``greatest``: nulls are passed over."""
    if all(value.null is None and not value.nan for value in arguments) and len(arguments) > 1:
        name = "Min" if node.op == "least" else "Max"
        pick = min if node.op == "least" else max
        low, high = pick(v.low for v in arguments), pick(v.high for v in arguments)
        tensor = emit.op(name, *(value.tensor for value in arguments))
        return Value(tensor, None, False, low, high)
    return reduce(lambda left, right: _better(emit, node.op, left, right), arguments)


def _better(emit: Emit, op: str, left: Value, right: Value) -> Value:
    better = total(emit, "<" if op == "least" else ">", right, left)
    if right.null is not None:
        better = emit.both(better, emit.no(right.null))
    if left.null is not None:
        better = emit.either(better, left.null)
    null = None
    if left.null is not None and right.null is not None:
        null = emit.both(left.null, right.null)
    return replace(chosen(emit, better, right, left), null=null)


EMITTERS: dict[str, Emitter] = {
    **dict.fromkeys(("=", "<>", "<", "<=", ">", ">="), comparison),
    "is distinct from": distinct,
    "and": logic,
    "or": logic,
    "not": negation,
    "is null": null_test,
    "is true": truth_test,
    "is false": truth_test,
    "between": between,
    "in": member,
    "case": case,
    "coalesce": coalesce,
    "nullif": nullif,
    "least": extreme,
    "greatest": extreme,
}
"""Comparison, logic and choice."""
