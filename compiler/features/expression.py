"""Row-level expressions: text and columns to a typed expression, or to located problems."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from compiler.codes import Code
from compiler.features.binder import Binder
from compiler.features.bound import INT32, NULL, Bound, coerce
from compiler.features.parser import parse
from compiler.features.problems import ExpressionProblem, Refused
from compiler.features.tree import Tree, canonical
from compiler.graph.types import Column, DataType

__all__ = ["ExpressionProblem", "Typed", "typecheck"]


class Typed(Struct, frozen=True):
    """A typed expression.

    Attributes:
        type: Its type, as DuckDB names it; decimals are computed as doubles.
        nullable: Whether it can be null on rows that DuckDB does not fail on.
        columns: The columns it uses, sorted.
        root: Its tree, columns named as the table names them.
        canonical: Its one text: equal for equal trees, however they were
            written; parsing it gives an equal tree.
        bound: The typed tree that is compiled.
    """

    type: DataType
    nullable: bool
    columns: tuple[str, ...]
    root: Tree
    canonical: str
    bound: Bound


def typecheck(
    text: str, columns: Mapping[str, Column]
) -> tuple[Typed | None, tuple[ExpressionProblem, ...]]:
    """Parse and type an expression against columns by name.

    Gives the typed expression, or None and every problem: E303 syntax, E203
    unknown column, E205 unknown function, E304 types, E305 known to DuckDB but
    not to models. Columns are found by their exact name, else whatever the case.
    """
    return _typechecked(text, tuple(columns.values()))


# Models made by one template, and the points of a sweep, say the same over equal columns.
@lru_cache(maxsize=4096)
def _typechecked(
    text: str, columns: tuple[Column, ...]
) -> tuple[Typed | None, tuple[ExpressionProblem, ...]]:
    try:
        text.encode("utf-8")
        parsed = parse(text)
    except UnicodeEncodeError as broken:
        message = "the expression holds half a character"
        return None, (ExpressionProblem(Code.EXPRESSION_SYNTAX, message, broken.start, 1),)
    except Refused as refused:
        return None, (refused.problem,)
    binder = Binder({column.name: column for column in columns})
    root = binder.resolve(parsed)
    bound = binder.bind(root)
    if bound is None:
        problems = sorted(binder.problems, key=lambda problem: problem.offset)
        return None, tuple(dict.fromkeys(problems))
    if bound.type == NULL:
        bound = coerce(bound, INT32)
    used = tuple(sorted(_used(bound)))
    return Typed(bound.type, bound.nullable, used, root, canonical(root), bound), ()


def _used(bound: Bound) -> set[str]:
    if bound.op == "column":
        return {str(bound.value)}
    return set().union(*map(_used, bound.arguments))
