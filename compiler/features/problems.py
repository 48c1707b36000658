"""What can be wrong with an expression: a code, a message, a place in its text."""

from __future__ import annotations

from msgspec import Struct

from compiler.codes import Code
from compiler.features.tree import At

WAY_OUT = "compute it in the dataset's SQL and use the new column as a feature"


class ExpressionProblem(Struct, frozen=True):
    """One finding: ``offset`` and ``length`` count characters of the expression's text."""

    code: Code
    message: str
    offset: int
    length: int
    help: tuple[str, ...] = ()


class Refused(Exception):
    """Raised inside the parser and the typer; becomes an ExpressionProblem."""

    def __init__(self, code: Code, message: str, at: At, help: str | tuple[str, ...] = ()) -> None:
        super().__init__(message)
        helps = (help,) if isinstance(help, str) else help
        if not helps and code is Code.NOT_COMPILABLE:
            helps = (WAY_OUT,)
        self.problem = ExpressionProblem(code, message, at.offset, max(at.length, 1), helps)
