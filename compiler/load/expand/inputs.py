"""The inputs of a module: what it declares, and what is given to it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

TABLES = ("sources", "datasets", "predictions")
BLOCKS: dict[str, tuple[str, ...]] = {
    "source": ("sources",),
    "dataset": ("datasets",),
    "table": TABLES,
    "model": ("models",),
    "deployment": ("deployments",),
    "notification": ("notifications",),
}
"""Types of inputs that name a block, with the kinds that it may be of."""
_PLAIN: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "a text"),
    "number": ((int, float), "a number"),
    "integer": ((int,), "a whole number"),
    "boolean": ((bool,), "true or false"),
    "list": ((list,), "a list"),
    "mapping": ((dict,), "a mapping"),
}
KEYS = ("type", "default", "description")


class BlockName(str):
    """The name of a block that was given to a module: it means what it means to who gave it."""

    __slots__ = ("giver",)
    giver: Any

    @classmethod
    def of(cls, name: str, giver: Any) -> BlockName:
        """A name as ``giver`` knows it; one that was handed on keeps its first giver."""
        if isinstance(name, BlockName):
            return name
        made = cls(name)
        made.giver = giver
        return made


class Input(Struct, frozen=True):
    """One declared input; ``required`` where it has no default."""

    name: str
    type: str
    default: Any = None
    required: bool = True

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of block it may name; empty for a plain value."""
        return BLOCKS.get(self.type, ())

    def problem(self, value: Any) -> str | None:
        """Why a value is not of the input's type; None where it is."""
        types, article = _PLAIN.get(self.type, ((str,), f"the name of a {self.type}"))
        wrong = isinstance(value, bool) and bool not in types
        if isinstance(value, types) and not wrong:
            return None
        return f"`{self.name}` must be {article}, not {_described(value)}"


def _described(value: Any) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f"the {'text' if isinstance(value, str) else 'number'} `{str(value)[:40]}`"
