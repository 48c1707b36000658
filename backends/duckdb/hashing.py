"""Keyed hashes in SQL: HMAC-SHA256 (RFC 2104) of values as text, the key in no text of a query."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from backends.duckdb.text import name
from compiler.backend import TaskContext
from compiler.graph.operations import Clean

_BLOCK = 64
_INNER, _OUTER = 0x36, 0x5C


def needs_key(operation: Clean) -> bool:
    """Whether a step hashes: then only who has the secrets can do it, and as a whole."""
    return any(step.kind == "hash" for step in operation.steps)


def keys(operation: Clean, context: TaskContext) -> dict[str, bytes]:
    """The variables that the hashes of cleaning steps read; their keys are resolved here.

    Raises:
        StackcError: E708 for a secret that is not set.
    """
    found: dict[str, bytes] = {}
    for at, step in enumerate(operation.steps):
        if step.kind == "hash":
            key = context.secret(str(dict(step.arguments)["key"])).encode()
            found.update(_pads(at, key))
    return found


def hashed(column: str, step: int) -> str:
    """A column's values hashed with the key of a step, as an expression; null stays null."""
    inner, outer = (f"getvariable('{variable}')" for variable in _names(step))
    text = f"encode(CAST({name(column)} AS VARCHAR))"
    return f"sha256({outer} || unhex(sha256({inner} || {text})))"


def _pads(step: int, key: bytes) -> Mapping[str, bytes]:
    short = hashlib.sha256(key).digest() if len(key) > _BLOCK else key
    block = short.ljust(_BLOCK, b"\0")
    return {
        variable: bytes(byte ^ pad for byte in block)
        for variable, pad in zip(_names(step), (_INNER, _OUTER), strict=True)
    }


def _names(step: int) -> tuple[str, str]:
    return f"stackc_inner_{step}", f"stackc_outer_{step}"
