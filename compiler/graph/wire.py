"""Nodes as bytes, for what is kept between two runs of the program: small, and quick to read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from msgspec import Raw, Struct, field, msgpack

from compiler.diagnostics import Path
from compiler.graph.lineage import Lineage
from compiler.graph.node import Node, Ref
from compiler.graph.operations import Operation
from compiler.graph.types import SUFFIXES, ValueType

_T = TypeVar("_T", bound=Struct)
_TYPES = {kind.__name__: kind for kind in SUFFIXES}
# A type's name is a string of a class of its own, which the format does not know.
_encoder = msgpack.Encoder(enc_hook=str)


def packed(value: Any) -> bytes:
    """Frozen values as bytes.

    Raises:
        TypeError, OverflowError, UnicodeEncodeError: There are no bytes for a part of it.
    """
    return _encoder.encode(value)


def unpacked(data: bytes | Raw, kind: type[_T]) -> _T:
    """A value of a type from its bytes; a msgspec error where they are not of one."""
    found: _T = _decoder(kind).decode(data)
    return found


@cache
def _decoder(kind: Any) -> msgpack.Decoder[Any]:
    return msgpack.Decoder(kind, dec_hook=lambda wanted, value: wanted(value))


class Packed(Struct, frozen=True, array_like=True):
    """A node whose output types are numbers in a table of types."""

    address: str
    operation: str
    parameters: Raw
    inputs: tuple[tuple[str, Ref], ...]
    outputs: tuple[tuple[str, int], ...]
    origin: Path
    lineage: Lineage | None


class Packing(Struct):
    """Packs nodes; equal types are written once.

    ``seen`` has the numbers of types by identity: to hash a table is to hash its columns.
    """

    numbers: dict[ValueType, int] = field(default_factory=dict)
    seen: dict[int, tuple[ValueType, int]] = field(default_factory=dict)

    def node(self, node: Node) -> Packed:
        """A node, its types noted."""
        outputs = tuple([(name, self.number(value)) for name, value in node.outputs])
        operation = type(node.operation).__name__
        parameters = Raw(packed(node.operation))
        return Packed(
            node.address, operation, parameters, node.inputs, outputs, node.origin, node.lineage
        )

    def number(self, value: ValueType) -> int:
        """The place of a type in the table."""
        found = self.seen.get(id(value))
        if found is None:
            number = self.numbers.setdefault(value, len(self.numbers))
            # The value is kept with its number, so that no other one gets its identity.
            found = self.seen[id(value)] = (value, number)
        return found[1]

    def types(self) -> list[tuple[str, Raw]]:
        """The table: each type's name and fields."""
        return [(type(value).__name__, Raw(packed(value))) for value in self.numbers]


class Unpacking(Struct):
    """Makes nodes again of what was packed with one table of types."""

    types: tuple[ValueType, ...]

    @classmethod
    def of(cls, types: Iterable[tuple[str, Raw]]) -> Unpacking:
        """From a table as it was written; KeyError or a msgspec error where it is damaged."""
        return cls(tuple(unpacked(fields, _TYPES[name]) for name, fields in types))

    def node(self, found: Packed) -> Node:
        """The node; KeyError, IndexError or a msgspec error where it is damaged."""
        operation = unpacked(found.parameters, _operations()[found.operation])
        outputs = tuple([(name, self.types[number]) for name, number in found.outputs])
        return Node(found.address, operation, found.inputs, outputs, found.origin, found.lineage)


@cache
def _operations() -> dict[str, type[Operation]]:
    return {kind.__name__: kind for kind in Operation.__subclasses__()}
