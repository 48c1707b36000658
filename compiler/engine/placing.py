"""Gives findings of a run the place in the spec that their node comes from."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from compiler.diagnostics import Diagnostic, Path, Place


def placed(found: Diagnostic, origin: Path) -> Diagnostic:
    """The finding at the node's origin, unless it already says where it points."""
    if found.place is not None or found.span is not None or not origin:
        return found
    return replace(found, place=Place(origin))


def all_placed(found: Iterable[Diagnostic], origin: Path) -> tuple[Diagnostic, ...]:
    """All findings at the node's origin."""
    return tuple(placed(diagnostic, origin) for diagnostic in found)
