"""The syntax tree of a row-level expression, and its canonical text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from compiler.features.words import RESERVED

MAX_LEVELS = 150
"""Levels a tree may have, the links of a chain ``a + b + c`` counted; nothing deeper is walked."""
MAX_NESTING = 50
"""Levels a tree may have, such chains counted as one."""


# Trees are dataclasses and not structs because places are no part of what is equal.
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class At:
    """Where something was written: character offset and length."""

    offset: int
    length: int

    def to(self, end: At) -> At:
        """The stretch from here to the end of another."""
        return At(self.offset, max(end.offset + end.length - self.offset, 1))


@dataclass(frozen=True, slots=True)
class Name:
    """A column."""

    name: str
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; ``kind`` is null, bool, integer, decimal, float, string, date or timestamp.

    A date or timestamp keeps its text until it is typed.
    """

    kind: str
    value: bool | int | float | str | Decimal | None
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True)
class Cast:
    """``cast(operand as type)``; ``safe`` is ``try_cast``."""

    operand: Tree
    type: str
    safe: bool
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function, an operator or a special form of that name.

    ``case`` is cond, value, ..., else; ``switch`` has the subject before them.
    ``at`` covers the whole, ``head`` the function's name or the operator.
    """

    function: str
    arguments: tuple[Tree, ...]
    at: At = field(compare=False)
    head: At = field(compare=False)


Tree: TypeAlias = Name | Literal | Cast | Call

BINARY = {
    "or": 1, "and": 2,
    "=": 5, "<>": 5, "<": 5, "<=": 5, ">": 5, ">=": 5,
    "||": 7, "+": 8, "-": 8, "*": 9, "/": 9, "//": 9, "%": 9,
}  # fmt: skip
"""Binding power of the operators that stand between two operands, all left associative."""
NOT_POWER, IS_POWER, MEMBER_POWER, POW_POWER, MINUS_POWER = 3, 4, 6, 10, 11
CAST_POWER, ATOM_POWER = 12, 13


def quoted(name: str) -> str:
    """A column's name as it is written in an expression."""
    if _PLAIN.fullmatch(name) and name not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def canonical(tree: Tree) -> str:
    """The one text of a tree: parsing it gives an equal tree, whatever the first text was."""
    return _text(tree)[0]


def _text(tree: Tree) -> tuple[str, int]:
    """Text, and the binding power of its outermost operator."""
    if isinstance(tree, Name):
        return quoted(tree.name), ATOM_POWER
    if isinstance(tree, Literal):
        return _literal(tree)
    if isinstance(tree, Cast):
        word = "try_cast" if tree.safe else "cast"
        return f"{word}({canonical(tree.operand)} as {tree.type})", ATOM_POWER
    return _call(tree)


def _literal(literal: Literal) -> tuple[str, int]:
    value = literal.value
    if literal.kind in ("string", "date", "timestamp"):
        text = "'" + str(value).replace("'", "''") + "'"
        return (text if literal.kind == "string" else f"{literal.kind} {text}"), ATOM_POWER
    if value is None or isinstance(value, bool):
        return ("null" if value is None else str(value).lower()), ATOM_POWER
    text = _decimal(value) if isinstance(value, Decimal) else _number(value)
    return text, (MINUS_POWER if text.startswith("-") else ATOM_POWER)


def _decimal(value: Decimal) -> str:
    text = format(value, "f")
    return text if "." in text else text + ".0"


def _number(value: int | float | str) -> str:
    if not isinstance(value, float):
        return str(value)
    if value in (float("inf"), float("-inf")):
        return "1e999" if value > 0 else "-1e999"
    text = repr(value)
    return text if "e" in text else text + "e0"


def _call(call: Call) -> tuple[str, int]:
    name, arguments = call.function, call.arguments
    if name in BINARY:
        power = BINARY[name]
        tighter = power + 1 if power == 5 else power
        left, right = _operand(arguments[0], tighter), _operand(arguments[1], power + 1)
        return f"{left} {name} {right}", power
    if name == "not":
        return f"not {_operand(arguments[0], NOT_POWER + 1)}", NOT_POWER
    if name == "negate":
        return f"-{_operand(arguments[0], ATOM_POWER)}", MINUS_POWER
    if name in ("case", "switch"):
        return _case(name, arguments), ATOM_POWER
    texts = [_operand(argument, ATOM_POWER) for argument in arguments]
    if name in ("is null", "is true", "is false"):
        return f"{texts[0]} {name}", IS_POWER
    if name == "is distinct from":
        return f"{texts[0]} {name} {texts[1]}", IS_POWER
    if name == "between":
        return f"{texts[0]} between {texts[1]} and {texts[2]}", MEMBER_POWER
    if name == "like":
        return f"{texts[0]} like {texts[1]}", MEMBER_POWER
    if name == "in":
        return f"{texts[0]} in ({', '.join(map(canonical, arguments[1:]))})", MEMBER_POWER
    return f"{name}({', '.join(map(canonical, arguments))})", ATOM_POWER


def _operand(tree: Tree, power: int) -> str:
    text, own = _text(tree)
    return text if own >= power else f"({text})"


def _case(name: str, arguments: tuple[Tree, ...]) -> str:
    texts = [canonical(argument) for argument in arguments]
    subject = " " + texts.pop(0) if name == "switch" else ""
    pairs = zip(texts[:-1:2], texts[1:-1:2], strict=True)
    whens = "".join(f" when {condition} then {value}" for condition, value in pairs)
    return f"case{subject}{whens} else {texts[-1]} end"


def depth(tree: Tree) -> tuple[int, int]:
    """Levels of the tree, and levels with chains counted as one; found without recursion."""
    levels, nesting, stack = 0, 0, [(tree, 1, 1)]
    while stack:
        node, level, nested = stack.pop()
        levels, nesting = max(levels, level), max(nesting, nested)
        if isinstance(node, Cast):
            stack.append((node.operand, level + 1, nested + 1))
        elif isinstance(node, Call):
            chain = node.function in BINARY
            for place, argument in enumerate(node.arguments):
                deeper = nested if chain and place == 0 else nested + 1
                stack.append((argument, level + 1, deeper))
    return levels, nesting
