"""Tree and columns to a typed expression, with every problem found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from compiler.codes import Code
from compiler.diagnostics import did_you_mean
from compiler.features import bound as b
from compiler.features.bound import Bound
from compiler.features.functions import FUNCTIONS, callable_names, known_to_duckdb
from compiler.features.problems import ExpressionProblem, Refused
from compiler.features.rules import Site, fits
from compiler.features.rules import named as typed_name
from compiler.features.tree import Call, Cast, Literal, Name, Tree, canonical
from compiler.features.words import DATA_TYPES
from compiler.graph.types import Column, DataType


class Binder:
    """Types trees against the columns of one table; ``problems`` collects what is wrong."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = columns
        self.folded = {name.lower(): name for name in reversed(list(columns))}
        self.problems: list[ExpressionProblem] = []

    def resolve(self, tree: Tree) -> Tree:
        """The same tree with columns named as the table names them."""
        if isinstance(tree, Name):
            return replace(tree, name=self.named(tree.name))
        if isinstance(tree, Cast):
            return replace(tree, operand=self.resolve(tree.operand))
        if isinstance(tree, Call):
            return replace(tree, arguments=tuple(map(self.resolve, tree.arguments)))
        return tree

    def named(self, name: str) -> str:
        """A column's own name for one that may differ in case."""
        return name if name in self.columns else self.folded.get(name.lower(), name)

    def bind(self, tree: Tree) -> Bound | None:
        """The typed node, or None where a problem was found in it."""
        try:
            if isinstance(tree, Call):
                return self.call(tree)
            if isinstance(tree, Cast):
                return self.cast(tree)
            return self.column(tree) if isinstance(tree, Name) else _literal(tree)
        except Refused as refused:
            self.problems.append(refused.problem)
            return None

    def column(self, name: Name) -> Bound:
        """A column that features can use."""
        column = self.columns.get(name.name)
        if column is None:
            message = f"there is no column `{name.name}`"
            way_out = did_you_mean(name.name, self.columns)
            raise Refused(Code.UNKNOWN_COLUMN, message, name.at, way_out)
        if not column.type.is_scalar or column.type == "binary":
            message = (
                f"column `{column.name}` is {typed_name(column.type)}, which no feature can use"
            )
            way_out = ("take what you need of it in the dataset's SQL",)
            raise Refused(Code.EXPRESSION_TYPE, message, name.at, way_out)
        return Bound("column", column.type, column.nullable, (), column.name, name.at)

    def call(self, call: Call) -> Bound | None:
        """A call, its arguments typed first so that all their problems are found."""
        function = FUNCTIONS.get(call.function)
        if function is None:
            self.problems.append(_unknown(call).problem)
        arguments = [self.bind(argument) for argument in call.arguments]
        if function is None:
            return None
        self.count(call, function.least, function.most)
        typed = tuple(argument for argument in arguments if argument is not None)
        return function.rule(Site(call, typed)) if len(typed) == len(arguments) else None

    def count(self, call: Call, least: int, most: int | None) -> None:
        """Refuse too few or too many arguments."""
        given = len(call.arguments)
        if least <= given and (most is None or given <= most):
            return
        wanted = (
            f"{least}" if most == least else f"{least} to {most}" if most else f"{least} or more"
        )
        message = f"`{call.function}` takes {wanted} arguments, not {given}"
        usage = FUNCTIONS[call.function].usage
        raise Refused(Code.EXPRESSION_TYPE, message, call.head, f"it is written {usage}")

    def cast(self, tree: Cast) -> Bound | None:
        """A cast that the model can do exactly."""
        operand = self.bind(tree.operand)
        if operand is None:
            return None
        target = DataType(DATA_TYPES[tree.type])
        if operand.op == "literal" and (operand.value is None or _moment(operand, target)):
            return replace(b.coerce(operand, target), at=tree.at)
        way_out = _uncastable(operand.type, target)
        if way_out is not None:
            message = f"a cast from {operand.type} to {target} cannot be compiled into a model"
            raise Refused(Code.NOT_COMPILABLE, message, tree.at, way_out)
        nullable = operand.nullable or tree.safe
        return Bound("cast", target, nullable, (operand,), at=tree.at)


def _moment(operand: Bound, target: DataType) -> bool:
    return operand.type == b.STRING and target in (b.DATE, b.TIMESTAMP, b.TIMESTAMPTZ)


def _uncastable(source: DataType, target: DataType) -> str | None:
    """Why a cast does not compile, as the way out; None where it does."""
    if source == target:
        return None
    if b.STRING in (source, target):
        exact = source.is_integer or source == b.BOOL
        return None if target == b.STRING and exact else "cast it in the dataset's SQL"
    plain = source.is_numeric or source == b.BOOL
    if plain and (target.is_numeric or target == b.BOOL):
        return None
    days = (b.DATE, b.TIMESTAMP, b.TIMESTAMPTZ)
    if source in days and target in days:
        return None
    return (
        "take a part of it, such as year(x) or epoch(x)" if source.is_temporal else "leave it out"
    )


def _literal(literal: Literal) -> Bound:
    value, at = literal.value, literal.at
    if value is None:
        return Bound("literal", b.NULL, True, (), None, at)
    if literal.kind in ("date", "timestamp"):
        kind = DataType(literal.kind)
        return Bound("literal", kind, False, (), b.moment(str(value), kind, at), at)
    if isinstance(value, Decimal):
        digits = canonical(literal).lstrip("-0").replace(".", "")
        scale = len(canonical(literal).partition(".")[2])
        kind = b.decimal(max(len(digits), scale), scale)
        return Bound("literal", kind, False, (), float(value), at)
    if literal.kind == "integer":
        return _integer(int(value), literal)
    kinds = {"bool": b.BOOL, "float": b.FLOAT64, "string": b.STRING}
    return Bound("literal", kinds[literal.kind], False, (), value, at)


def _integer(value: int, literal: Literal) -> Bound:
    if not fits(value, b.INT64):
        message = f"{str(value)[:45]} does not fit into 64 bits"
        raise Refused(Code.EXPRESSION_TYPE, message, literal.at, "write it as 1e20")
    kind = b.INT32 if fits(value, b.INT32) else b.INT64
    return Bound("literal", kind, False, (), value, literal.at)


def _unknown(call: Call) -> Refused:
    name = call.function
    if name in known_to_duckdb():
        message = f"the function `{name}` cannot be compiled into a model"
        return Refused(Code.NOT_COMPILABLE, message, call.head)
    message = f"there is no function `{name}`"
    return Refused(Code.UNKNOWN_FUNCTION, message, call.head, did_you_mean(name, callable_names()))
