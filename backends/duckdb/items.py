"""The item of a SELECT list around a place: DuckDB's plan points at an operator alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

_Token: TypeAlias = tuple[int, int, str]

_TOKENS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$).*?\1|(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<word>\w+)|(?P<mark>[(),;\[\]{}])",
    re.DOTALL,
)
_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")
_BEFORE = frozenset(("select", "distinct", "all"))
_BEHIND = frozenset((
    "from", "as", "where", "group", "having", "window", "qualify", "order", "limit", "union",
    "except", "intersect",
))  # fmt: skip


def item_around(sql: str, start: int, length: int) -> tuple[int, int]:
    """The start and length of the whole item that a stretch of a SELECT list belongs to."""
    tokens = list(_tokens(sql))
    end = start + length
    first = _first([t for t in tokens if t[1] <= start])
    last = _last([t for t in tokens if t[0] >= start], end, len(sql))
    text = sql[first:last]
    begin = first + len(text) - len(text.lstrip())
    return (begin, len(text.strip())) if begin <= start and last >= end else (start, length)


def _first(before: list[_Token]) -> int:
    """Where the item begins: behind the nearest comma, bracket or word at its own depth."""
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        _, end, word = before[at]
        depth += (word in _CLOSING) - (word in _OPENING)
        if depth < 0 or (depth == 0 and _begins(word, before[at - 1][2] if at else "")):
            return end
    return 0


def _last(tokens: list[_Token], end: int, most: int) -> int:
    """Where it ends, looked for the other way; not before ``end``."""
    depth, before = 0, ""
    for at, _, word in tokens:
        depth += (word in _OPENING) - (word in _CLOSING)
        if at >= end and (depth < 0 or (depth == 0 and _ends(word, before))):
            return at
        before = word
    return most


def _tokens(sql: str) -> Iterator[_Token]:
    for found in _TOKENS.finditer(sql):
        word = found["word"] or found["mark"]
        if word:
            yield found.start(), found.end(), word.lower()


def _begins(word: str, before: str) -> bool:
    return word == "," or (word in _BEFORE and not (word == "distinct" and before in ("is", "not")))


def _ends(word: str, before: str) -> bool:
    return word in (",", ";") or (word in _BEHIND and not (word == "from" and before == "distinct"))
