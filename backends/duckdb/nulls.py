"""Which expressions of a bound plan can be null, and which conditions keep nulls out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

Expression: TypeAlias = dict[str, Any]

_STRICT = frozenset((
    "+", "-", "*", "/", "//", "%", "||", "abs", "floor", "ceil", "ceiling", "round", "trunc",
    "sign", "lower", "upper", "trim", "ltrim", "rtrim", "length", "strlen", "reverse", "replace",
    "year", "month", "day", "hour", "minute", "second", "quarter", "dayofweek", "isodow",
    "dayofyear", "week", "date_trunc", "epoch", "isnan", "isfinite", "isinf", "contains",
    "starts_with", "ends_with", "prefix", "suffix", "md5", "sha256", "~~", "!~~", "left", "right",
))  # fmt: skip
"""Functions whose result is null where an argument is."""
_OTHERWISE_TOO = frozenset((
    "/", "//", "%", "year", "month", "day", "hour", "minute", "second", "quarter", "dayofweek",
    "isodow", "dayofyear", "week", "date_trunc", "epoch",
))  # fmt: skip
"""Of those the ones null elsewhere, too: nothing is divided by zero, infinity has no year."""
_ONLY_WHERE = (_STRICT - _OTHERWISE_TOO) | {"greatest", "least"}
"""Functions whose result is null only where an argument is."""
_NEVER = frozenset(("concat", "struct_pack", "row", "list_value"))
_COMPARISONS = frozenset((
    "COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO",
))  # fmt: skip
_LOGIC = frozenset(("CONJUNCTION_AND", "CONJUNCTION_OR", "OPERATOR_NOT", "COMPARE_IN"))
"""Null at most where an operand is: `null or true` is true."""
_CERTAIN = frozenset(
    (
        "OPERATOR_IS_NULL",
        "OPERATOR_IS_NOT_NULL",
        "COMPARE_DISTINCT_FROM",
        "COMPARE_NOT_DISTINCT_FROM",
    )
)


def is_nullable(expression: Expression, below: Sequence[bool]) -> bool:
    """Whether an expression can be null, ``below`` saying so of the columns it may mention.

    What is not known here can.
    """
    kind = expression["type"]
    if kind == "BOUND_REF":
        return below[expression.get("index", 0)]
    if kind == "VALUE_CONSTANT":
        return bool(expression.get("value", {}).get("is_null", True))
    if kind in _CERTAIN:
        return False
    children = _children(expression)
    nullable = [is_nullable(child, below) for child in children]
    if kind == "OPERATOR_COALESCE":
        return all(nullable)
    if kind == "CASE_EXPR":
        return _case(expression, below)
    if kind in _COMPARISONS or kind in _LOGIC or _is_sure_cast(expression):
        return any(nullable)
    if kind == "BOUND_FUNCTION":
        name = _function(expression)
        return any(nullable) if name in _ONLY_WHERE else name not in _NEVER
    return True


def refuses_null(condition: Expression) -> Iterator[int]:
    """The columns, by position, that are not null in rows for which a condition is true."""
    kind, children = condition["type"], _children(condition)
    if kind == "CONJUNCTION_AND":
        for child in children:
            yield from refuses_null(child)
    elif kind == "COMPARE_IN":
        yield from _strictly_of(children[0])
    elif kind in _COMPARISONS or kind == "OPERATOR_IS_NOT_NULL":
        for child in children:
            yield from _strictly_of(child)
    elif kind == "BOUND_REF":
        yield condition.get("index", 0)


def _strictly_of(expression: Expression) -> Iterator[int]:
    """The columns whose null makes an expression null."""
    kind = expression["type"]
    strict = kind == "OPERATOR_CAST" or kind in _COMPARISONS
    if kind == "BOUND_REF":
        yield expression.get("index", 0)
    elif strict or (kind == "BOUND_FUNCTION" and _function(expression) in _STRICT):
        for child in _children(expression):
            yield from _strictly_of(child)


def _is_sure_cast(expression: Expression) -> bool:
    """A cast that ends in a value or an error: no attempt, and not from JSON, which has a null."""
    if expression["type"] != "OPERATOR_CAST":
        return False
    given = [kind.get("type_info", {}).get("type") for kind in expression.get("arguments", ({},))]
    tried = expression.get("function_data", {}).get("try_cast", False)
    return not tried and set(given) <= {None, "DECIMAL_TYPE_INFO"}


def _function(expression: Expression) -> str:
    return str(expression["qname"]["path"][-1]).lower()


def _children(expression: Expression) -> list[Expression]:
    return [child for child in expression.get("children", ()) if isinstance(child, dict)]


def _case(expression: Expression, below: Sequence[bool]) -> bool:
    arms = [check["then_expr"] for check in expression.get("case_checks", [])]
    otherwise = expression.get("else_expr")
    if otherwise is None:
        return True
    return any(is_nullable(arm, below) for arm in (*arms, otherwise))
