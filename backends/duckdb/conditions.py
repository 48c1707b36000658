"""Conditions read as far as they are plain: comparisons of columns with constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.duckdb.parsed import Ast, Parsed
from compiler.analyse.algebra.conditions import (
    OPAQUE,
    All,
    Condition,
    Constant,
    Kind,
    Not,
    Op,
    Some,
    Test,
)

_DEEPEST = 60
_LITERALS: dict[str, Kind] = {
    "INTEGER": "integer", "NUMERIC": "decimal", "STRING": "string", "BOOLEAN": "bool",
}  # fmt: skip
_TYPES: dict[str, Kind] = {"DATE": "date", "TIMESTAMP": "timestamp"}
_COMPARED: dict[str, tuple[Op, bool]] = {
    "COMPARE_EQUAL": ("=", False),
    "COMPARE_NOTEQUAL": ("=", True),
    "COMPARE_LESSTHAN": ("<", False),
    "COMPARE_LESSTHANOREQUALTO": ("<=", False),
    "COMPARE_GREATERTHAN": ("<=", True),
    "COMPARE_GREATERTHANOREQUALTO": ("<", True),
}
"""Each comparison as one of three, and whether that is negated."""
_TURNED = {
    "COMPARE_EQUAL": "COMPARE_EQUAL",
    "COMPARE_NOTEQUAL": "COMPARE_NOTEQUAL",
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}
"""The same comparison with its sides exchanged."""


def condition_of(parsed: Parsed, place: Callable[[int], int]) -> Condition:
    """What the one expression of a SELECT says; what is not plain is opaque.

    ``place`` turns a byte of the SELECT into a character of the expression.
    """
    return _Reader(place).read(parsed.node["select_list"][0], 0)


class _Reader:
    """Reads a syntax tree from the top; nothing it does not know is guessed at."""

    def __init__(self, place: Callable[[int], int]) -> None:
        self._place = place

    def read(self, node: Ast, depth: int) -> Condition:
        kind = node.get("type") if isinstance(node, dict) else None
        if depth > _DEEPEST or kind is None:
            return OPAQUE
        if kind in ("CONJUNCTION_AND", "CONJUNCTION_OR"):
            parts = tuple(self.read(child, depth + 1) for child in node["children"])
            return All(parts) if kind == "CONJUNCTION_AND" else Some(parts)
        if kind == "OPERATOR_NOT":
            return Not(self.read(node["children"][0], depth + 1))
        if kind in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"):
            found = self._test(node, node["children"][0], "null", ())
            return Not(found) if kind == "OPERATOR_IS_NOT_NULL" else found
        if kind in _COMPARED:
            return self._compared(node, kind)
        if kind == "COMPARE_BETWEEN":
            return self._between(node)
        if kind == "COMPARE_IN":
            subject, *listed = node["children"]
            return self._test(node, subject, "in", listed)
        return self._test(node, node, "true", ())

    def _compared(self, node: Ast, kind: str) -> Condition:
        left, right = node["left"], node["right"]
        if _column(left) is None:
            left, right, kind = right, left, _TURNED[kind]
        op, negated = _COMPARED[kind]
        found = self._test(node, left, op, [right])
        return Not(found) if negated else found

    def _between(self, node: Ast) -> Condition:
        low = self._test(node, node["input"], "<", [node["lower"]])
        return All((Not(low), self._test(node, node["input"], "<=", [node["upper"]])))

    def _test(self, node: Ast, subject: Ast, op: Op, listed: Any) -> Condition:
        column = _column(subject)
        constants = [_constant(item) for item in listed]
        if column is None or None in constants:
            return OPAQUE
        starts = (node["query_location"], subject["query_location"])
        # An operator that follows its column is placed at its own word.
        begin, end = min(starts), node["query_location"] + node["query_location_length"]
        offset, after = self._place(begin), self._place(end)
        known = tuple(c for c in constants if c is not None)
        return Test(column, op, known, offset, max(after - offset, 1))


def _column(node: Ast) -> str | None:
    if isinstance(node, dict) and node.get("class") == "COLUMN_REF":
        names = node["column_names"]
        return str(names[0]) if len(names) == 1 else None
    return None


def _constant(node: Ast) -> Constant | None:
    """A literal, or the cast of a text to a day or a moment."""
    if not isinstance(node, dict):
        return None
    if node.get("type") == "OPERATOR_CAST" and not node.get("try_cast"):
        inner = _constant(node["child"])
        kind = _TYPES.get(str(node["type_expr"].get("type_name", "")).upper())
        return Constant(kind, inner.text) if kind and inner and inner.kind == "string" else None
    literal = node.get("literal")
    if node.get("class") != "CONSTANT" or not isinstance(literal, dict):
        return None
    kind, text = _LITERALS.get(literal.get("kind", "")), str(literal.get("text"))
    if kind is None:
        return None
    return Constant("float" if kind == "decimal" and "e" in text.lower() else kind, text)
