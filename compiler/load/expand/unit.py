"""A unit of expansion: the spec, or a module as one place uses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from compiler.load.provenance import Origin, Provenance
from compiler.load.resolve import Resolver

Place = tuple[str | int, ...]


class Unit(Struct, eq=False):
    """What blocks are made from, and which blocks its own names mean.

    Attributes:
        body: Blocks by kind as they were written, ``modules`` among them.
        provenance: Where they were written.
        resolver: What their interpolations mean.
        names: What ``input`` stands for in a module.
        outer: The unit that uses the module; None for the spec.
        prefix: What the names of its blocks begin with in the outer unit.
        uses: Where it is used, and where what uses it is.
        chain: The module's file behind those of all that it is used in.
        own: For each kind the names of its blocks here, with what they are called at last.
        instances: The resolvers of each table that is made several times, by key.
    """

    body: dict[str, Any]
    provenance: Provenance
    resolver: Resolver
    names: Mapping[str, Any] = {}
    outer: Unit | None = None
    prefix: str = ""
    uses: tuple[tuple[Provenance, Place], ...] = ()
    chain: tuple[Path, ...] = ()
    own: dict[str, dict[str, str]] = field(default_factory=dict)
    instances: dict[str, dict[str, Resolver]] = field(default_factory=dict)

    def called(self, local: str) -> str:
        """What a block of this name here is called at last."""
        return local if self.outer is None else self.outer.called(self.prefix + local)

    def add(self, kind: str, local: str, block: str) -> None:
        """Know a block by its name here, and by the names it has outside."""
        self.own.setdefault(kind, {})[local] = block
        if self.outer is not None:
            self.outer.add(kind, self.prefix + local, block)

    def find(self, name: str, kinds: Iterable[str]) -> str | None:
        """The block that a name means here; what is no block of a module is one of the spec."""
        for kind in kinds:
            found = self.own.get(kind, {}).get(name)
            if found is not None:
                return found
        return None if self.outer is None else self.spec.find(name, kinds)

    @property
    def spec(self) -> Unit:
        """The outermost unit."""
        return self if self.outer is None else self.outer.spec

    def known(self, kinds: Iterable[str]) -> set[str]:
        """Every name that means a block here."""
        units = (self, self.spec)
        return {name for unit in units for kind in kinds for name in unit.own.get(kind, ())}


class Made(Struct, eq=False):
    """A block that was made: its value, the unit it is of, and where it was written.

    ``origin`` is None for a block that stands in the spec just so.
    """

    kind: str
    name: str
    value: Any
    unit: Unit
    origin: Origin | None
