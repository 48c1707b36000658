"""One mistake is one finding: blocks that were made from one text share what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeAlias

from msgspec.structs import replace

from compiler.diagnostics import Diagnostic

Of: TypeAlias = tuple[Diagnostic, str, bool]
"""A finding, the block it is of where that was made from a template, and whether to name it."""

_OF_DATA = ("E6", "E7", "W7")
_SHOWN = 5


def once(found: Iterable[Of]) -> list[Diagnostic]:
    """Each finding once; one that several blocks of a template have is one, and names them.

    What is wrong with a text is the same wherever its block is made; what is
    found in data is the same only if it is told in the same words.
    """
    plain: dict[Diagnostic, None] = {}
    groups: dict[Any, dict[str, tuple[Diagnostic, bool]]] = {}
    seen: Counter[Any] = Counter()
    for diagnostic, block, named in dict.fromkeys(found):
        if not block:
            plain[diagnostic] = None
            continue
        words = diagnostic.message if diagnostic.code.value[:2] in _OF_DATA else ""
        place = (diagnostic.code, diagnostic.span, words)
        seen[block, place] += 1
        groups.setdefault((place, seen[block, place]), {})[block] = (diagnostic, named)
    return [*plain, *map(_one, groups.values())]


def _one(blocks: dict[str, tuple[Diagnostic, bool]]) -> Diagnostic:
    names = sorted(blocks)
    diagnostic, named = blocks[names[0]]
    if not named and len(names) == 1:
        return diagnostic
    return replace(diagnostic, notes=(*diagnostic.notes, f"in {listed(names)}"))


def listed(names: list[str]) -> str:
    """Names for people, the first few of many."""
    if len(names) > _SHOWN:
        return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN:,} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
