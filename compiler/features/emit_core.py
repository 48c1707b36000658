"""What emitters are made of: the value of an expression, and the words to build one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from compiler.features.bound import Bound
from compiler.features.onnx_graph import BOOL, DOUBLE, FLOAT, INT, TEXT, Graph, Tensor
from compiler.features.preparation import NULL_SUFFIX
from compiler.features.rules import span
from compiler.graph.types import DataType

INT64_SPAN = (-(2**63), 2**63 - 1)
_BLANK: dict[str, object] = {BOOL: False, INT: 0, DOUBLE: 0.0, TEXT: ""}


class Value(Struct, frozen=True):
    """An expression in the graph.

    Attributes:
        tensor: The values, anything where null.
        null: True where null; None where it never is.
        nan: Whether a double can be NaN.
        low: The least an integer can be.
        high: The greatest.
        literal: The value of a literal.
    """

    tensor: Tensor
    null: Tensor | None = None
    nan: bool = True
    low: int = INT64_SPAN[0]
    high: int = INT64_SPAN[1]
    literal: bool | int | float | str | None = None


Emitter: TypeAlias = "Callable[[Emit, Bound, tuple[Value, ...]], Value]"


def element(kind: DataType) -> str:
    """The element type that a type is computed as."""
    if kind == "bool":
        return BOOL
    if kind == "string":
        return TEXT
    return DOUBLE if kind.is_float or kind.is_decimal else INT


class Emit:
    """Emits typed nodes into a graph, each once, with an emitter for every function."""

    def __init__(self, graph: Graph, emitters: Mapping[str, Emitter]) -> None:
        self.graph = graph
        self.emitters = emitters
        self.done: dict[Bound, Value] = {}

    def __call__(self, node: Bound) -> Value:
        """The node's value; its parts are emitted first."""
        if node not in self.done:
            self.done[node] = self.fresh(node)
        return self.done[node]

    def fresh(self, node: Bound) -> Value:
        """The value of a node not yet emitted."""
        if node.op == "column":
            return self.column(node)
        if node.op == "literal":
            return self.literal(node)
        arguments = tuple(self(argument) for argument in node.arguments)
        value = self.emitters[node.op](self, node, arguments)
        return self.rounded(value) if node.type == "float32" and node.op in _ROUNDED else value

    def column(self, node: Bound) -> Value:
        """A raw column: one input, and one more where it is nullable."""
        name = str(node.value)
        null = self.graph.input(name + NULL_SUFFIX, BOOL) if node.nullable else None
        tensor = self.graph.input(name, element(node.type))
        low, high = span(node.type) if node.type.is_integer else INT64_SPAN
        high = min(high, INT64_SPAN[1])
        return Value(tensor, null, node.type.is_float, low, high)

    def literal(self, node: Bound) -> Value:
        """A constant; null is a blank value that is always null."""
        kind = element(node.type)
        if node.value is None:
            return Value(self.graph.constant(_BLANK[kind], kind), self.true, False, 0, 0)
        tensor = self.graph.constant(node.value, kind)
        exact = int(node.value) if kind == INT else 0
        low, high = (exact, exact) if kind == INT else INT64_SPAN
        return Value(tensor, None, False, low, high, node.value)

    def rounded(self, value: Value) -> Value:
        """A double as DuckDB's FLOAT would hold it."""
        single = self.graph.cast(value.tensor, FLOAT)
        return replace(value, tensor=self.graph.cast(single, DOUBLE))

    # Small words of the emitters.

    @property
    def true(self) -> Tensor:
        """The constant true."""
        return self.graph.constant(True, BOOL)

    @property
    def false(self) -> Tensor:
        """The constant false."""
        return self.graph.constant(False, BOOL)

    def integer(self, value: int) -> Tensor:
        """A constant integer."""
        return self.graph.constant(value, INT)

    def double(self, value: float) -> Tensor:
        """A constant double."""
        return self.graph.constant(value, DOUBLE)

    def op(self, name: str, *inputs: Tensor, element: str | None = None) -> Tensor:
        """A node whose output has the element type of its first input unless told."""
        return self.graph.node(name, inputs, element or inputs[0].element)

    def test(self, name: str, *inputs: Tensor) -> Tensor:
        """A node whose output is boolean."""
        return self.graph.node(name, inputs, BOOL)

    def no(self, tensor: Tensor) -> Tensor:
        """Logical not, constants folded."""
        if tensor == self.true or tensor == self.false:
            return self.false if tensor == self.true else self.true
        return self.test("Not", tensor)

    def both(self, left: Tensor, right: Tensor) -> Tensor:
        """Logical and, constants folded."""
        if self.false in (left, right):
            return self.false
        if self.true in (left, right):
            return right if left == self.true else left
        return left if left == right else self.test("And", left, right)

    def either(self, left: Tensor, right: Tensor) -> Tensor:
        """Logical or, constants folded."""
        if self.true in (left, right):
            return self.true
        if self.false in (left, right):
            return right if left == self.false else left
        return left if left == right else self.test("Or", left, right)

    def any_null(self, *nulls: Tensor | None) -> Tensor | None:
        """Where any is null; None where none ever is."""
        found: Tensor | None = None
        for null in nulls:
            if null is not None:
                found = null if found is None else self.either(found, null)
        return None if found == self.false else found

    def choose(self, condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
        """``yes`` where the condition holds, else ``no``."""
        if yes == no or condition == self.true:
            return yes
        if condition == self.false:
            return no
        if yes.element != BOOL:
            return self.graph.node("Where", [condition, yes, no], yes.element)
        kept = self.both(condition, yes)
        return self.either(kept, self.both(self.no(condition), no))

    def choose_null(
        self, condition: Tensor, yes: Tensor | None, no: Tensor | None
    ) -> Tensor | None:
        """Where the chosen one is null."""
        if yes is None and no is None:
            return None
        found = self.choose(condition, yes or self.false, no or self.false)
        return None if found == self.false else found


def propagated(emit: Emit, *values: Value) -> Tensor | None:
    """Null where any argument is."""
    return emit.any_null(*(value.null for value in values))


_ROUNDED = frozenset(("+", "-", "*", "/", "//", "%", "round"))
"""Functions whose FLOAT results are not exact by themselves."""
