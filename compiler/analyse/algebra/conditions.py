"""A condition on one row as far as it is plain: comparisons of columns with constants."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["integer", "decimal", "float", "string", "bool", "date", "timestamp"]
Op: TypeAlias = Literal["=", "<", "<=", "in", "null", "true"]


class Constant(Struct, frozen=True):
    """A literal of SQL: what sort it is, and its text without quotes."""

    kind: Kind
    text: str


class Test(Struct, frozen=True):
    """``column op constants``; ``null`` is IS NULL, ``true`` a boolean column by itself.

    ``offset`` and ``length`` count characters of the text it was read from.
    """

    __test__ = False  # it is no test of pytest's

    column: str
    op: Op
    constants: tuple[Constant, ...] = ()
    offset: int = 0
    length: int = 1


class Not(Struct, frozen=True):
    """NOT, as SQL has it: null stays null."""

    part: Condition


class All(Struct, frozen=True):
    """AND."""

    parts: tuple[Condition, ...]


class Some(Struct, frozen=True):
    """OR."""

    parts: tuple[Condition, ...]


class Opaque(Struct, frozen=True):
    """Anything else: it may be true, false or null of any row."""


Condition: TypeAlias = Test | Not | All | Some | Opaque

OPAQUE = Opaque()


def conjuncts(condition: Condition) -> tuple[Condition, ...]:
    """What a condition joins by AND, in the order of its text."""
    if isinstance(condition, All):
        return tuple(inner for part in condition.parts for inner in conjuncts(part))
    return (condition,)


def stretch(condition: Condition) -> tuple[int, int] | None:
    """Where a comparison stands in its text: offset and length; None for what is none."""
    while isinstance(condition, Not):
        condition = condition.part
    return (condition.offset, condition.length) if isinstance(condition, Test) else None
