"""Which fields of an operation are looked at: the operation as a stand-in that notes them."""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from msgspec import Struct

SEEN: dict[str, set[str]] = {}
"""For each struct, by its class's name, the fields that were read."""


def noting(value: Any) -> Any:
    """The same value, its structs (those within too) as stand-ins that note what is read."""
    if isinstance(value, tuple):
        return tuple(noting(item) for item in value)
    if not isinstance(value, Struct):
        return value
    kind = type(value)
    fields = {name: noting(getattr(value, name)) for name in kind.__struct_fields__}
    return _stand_in(kind)(**fields)


@contextmanager
def reading(kind: type[Struct]) -> Iterator[set[str]]:
    """What is read of a struct's stand-ins within the block, and nothing that was read before."""
    seen = SEEN.setdefault(kind.__name__, set())
    before, within = {*seen}, set[str]()
    seen.clear()
    try:
        yield within
    finally:
        within |= seen
        seen |= before


@cache
def _stand_in(kind: type[Struct]) -> type[Struct]:
    fields = frozenset(kind.__struct_fields__)
    seen = SEEN.setdefault(kind.__name__, set())

    def read(self: Any, name: str) -> Any:
        if name in fields:
            seen.add(name)
        return object.__getattribute__(self, name)

    def body(namespace: dict[str, Any]) -> None:
        namespace["__getattribute__"] = read
        namespace["__module__"] = kind.__module__
        namespace["__qualname__"] = kind.__qualname__

    made: type[Struct] = types.new_class(kind.__name__, (kind,), {"frozen": True}, body)
    return made
