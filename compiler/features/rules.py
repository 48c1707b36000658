"""What a rule of typing sees of a call, and what it asks of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import TypeAlias

from msgspec import Struct

from compiler.codes import Code
from compiler.features import bound as b
from compiler.features.bound import Bound, coerce, unify
from compiler.features.problems import Refused
from compiler.features.tree import Call, canonical
from compiler.graph.types import DataType


class Site(Struct, frozen=True):
    """A call and its typed arguments, as a rule sees it."""

    call: Call
    arguments: tuple[Bound, ...]

    @property
    def name(self) -> str:
        """The function."""
        return self.call.function

    @property
    def nullable(self) -> bool:
        """Whether any argument is nullable."""
        return any(argument.nullable for argument in self.arguments)

    def made(
        self, kind: DataType, arguments: Iterable[Bound] | None = None, nullable: bool | None = None
    ) -> Bound:
        """The typed call."""
        inner = self.arguments if arguments is None else tuple(arguments)
        null = self.nullable if nullable is None else nullable
        return Bound(self.name, kind, null, inner, at=self.call.at)

    def wrong(self, needs: str, place: int, help: str = "") -> Refused:
        """An E304 about one argument."""
        node = self.call.arguments[place]
        text = canonical(node)
        shown = text if len(text) <= 40 else text[:37] + "..."
        kind = self.arguments[place].type
        message = f"`{self.name}` needs {needs}, but `{shown}` is {named(kind)}"
        return Refused(Code.EXPRESSION_TYPE, message, node.at, help)


Rule: TypeAlias = Callable[[Site], Bound]
NO_ORDER = "text is compared with = and <> only; compute it in the dataset's SQL"


def named(kind: DataType) -> str:
    """A type in words."""
    article = "an" if kind[0] in "aiou" and not kind.startswith("u") else "a"
    return "null" if kind == b.NULL else f"{article} {kind}"


def numeric(site: Site, place: int) -> Bound:
    """An argument that must be a number; null counts as one."""
    argument = site.arguments[place]
    if argument.type == b.NULL:
        return coerce(argument, b.INT32)
    if argument.type.is_numeric:
        return argument
    way_out = ""
    if argument.type == b.STRING:
        way_out = "cast it to double in the dataset's SQL"
    elif argument.type == b.BOOL:
        way_out = "write `cast(x as integer)`"
    elif argument.type.is_temporal:
        way_out = "take a part of it, such as year(x) or epoch(x)"
    raise site.wrong("a number", place, way_out)


def boolean(site: Site, place: int) -> Bound:
    """An argument that must be a boolean."""
    argument = site.arguments[place]
    if argument.type not in (b.BOOL, b.NULL):
        way_out = "write `x <> 0`" if argument.type.is_numeric else ""
        raise site.wrong("a boolean", place, way_out)
    return coerce(argument, b.BOOL)


def text(site: Site, place: int) -> Bound:
    """An argument that must be a string."""
    argument = site.arguments[place]
    if argument.type not in (b.STRING, b.NULL):
        raise site.wrong("a string", place, "write `cast(x as varchar)` of an integer or a boolean")
    return coerce(argument, b.STRING)


def common(site: Site, places: Iterable[int]) -> tuple[DataType, tuple[Bound, ...]]:
    """Arguments made one type, literals adapting to their neighbours as in DuckDB."""
    chosen = [(place, site.arguments[place]) for place in places]
    kinds = [_adapted(node, chosen) for _, node in chosen]
    kind = kinds[0]
    for (place, _), other in zip(chosen[1:], kinds[1:], strict=True):
        found = unify(kind, other)
        if found is None:
            raise site.wrong(f"one type for all, and {named(kind)} comes first", place)
        kind = found
    return kind, tuple(coerce(node, kind) for _, node in chosen)


def _adapted(node: Bound, among: list[tuple[int, Bound]]) -> DataType:
    """The type a node brings to a common one: an integer or string literal gives way."""
    if not node.is_constant:
        return node.type
    others = [other.type for _, other in among if not other.is_constant and other.type != b.NULL]
    if node.type == b.STRING:
        return next((o for o in others if o in (b.DATE, b.TIMESTAMP, b.TIMESTAMPTZ)), b.STRING)
    if node.type.is_integer and others and isinstance(node.value, int):
        kind = reduce(lambda x, y: unify(x, y) or x, others)
        if kind.is_integer and fits(node.value, kind):
            return kind
    return node.type


def fits(value: int, kind: DataType) -> bool:
    """Whether an integer type holds a value."""
    low, high = span(kind)
    return low <= value <= high


def span(kind: DataType) -> tuple[int, int]:
    """The least and the greatest value of an integer type."""
    bits = int(kind.removeprefix("uint").removeprefix("int"))
    return (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
