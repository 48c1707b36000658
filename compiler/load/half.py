"""What is being written in a YAML text that may be half-written: judged line by line."""

from __future__ import annotations

import re

from msgspec import Struct

Path = tuple[str | int, ...]

_ENTRY = re.compile(
    r"""( *)((?:- +)*)(?:("[^"]*"|'[^']*'|[^\s:#,\[\]{}"'][^:#,\[\]{}]*?) *:(?= |$))?"""
)


class Typing(Struct, frozen=True):
    """What is being written at an offset of a text that may be half-written.

    Attributes:
        path: The mapping or list that it is in, or the key whose value it is.
        value: Whether a value is being written; else a key may be, too.
        word: What of it stands there already, and ``start`` where.
        keys: The keys that stand beside it.
        flow: Whether it stands in brackets.
    """

    path: Path
    value: bool
    word: str
    start: int
    keys: tuple[str, ...] = ()
    flow: bool = False


def typing_at(content: str, offset: int) -> Typing:
    """What is being written, by the indentation of lines and the brackets of one."""
    begin = content.rfind("\n", 0, offset) + 1
    line = content[begin:offset]
    lines = content[:begin].split("\n")[:-1]
    written = line.lstrip(" ")
    block = _block_text(lines, len(line) - len(written))
    if block is not None:
        return Typing(block, True, written, offset - len(written))
    match = _ENTRY.match(line)
    indent, dashes, key = match.groups() if match else ("", "", None)
    column = len(indent)
    path = _above(lines, column, bool(dashes))
    if dashes:
        path = (*path, *(0 for _ in range(dashes.count("-") - 1)), _place(lines, column))
    rest_at = match.end() if match and key is not None else column + len(dashes)
    if key is None:
        inner = _flow(line[rest_at:], path)
        if inner is not None:
            return _typed(*inner, offset)
        keys = _beside(content, lines, column + len(dashes))
        return Typing(path, bool(dashes), line[rest_at:], begin + rest_at, keys)
    path = (*path, _plain(key))
    rest = line[rest_at:]
    inner = _flow(rest, path)
    if inner is not None:
        return _typed(*inner, offset)
    text = rest.lstrip()
    return Typing(path, True, text, offset - len(text))


def _typed(path: Path, value: bool, word: str, keys: tuple[str, ...], offset: int) -> Typing:
    return Typing(path, value, word, offset - len(word), keys, True)


def _above(lines: list[str], column: int, dash: bool) -> Path:
    """The keys and places that the lines above lead to, for what begins at a column."""
    parts: list[str | int] = []
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        match = _ENTRY.match(line)
        if not line.strip() or line.lstrip().startswith("#") or match is None:
            continue
        indent, dashes, key = match.groups()
        inner = len(indent) + len(dashes)
        if key is not None and (inner < column or (dash and inner == column and not dashes)):
            parts.insert(0, _plain(key))
            column, dash = inner, False
            if dashes:
                parts.insert(0, _place(lines[:at], len(indent)))
                column, dash = len(indent), True
        elif dashes and len(indent) < column <= inner:
            parts.insert(0, _place(lines[:at], len(indent)))
            column, dash = len(indent), True
        if column == 0 and not dash:
            break
    return tuple(parts)


def _place(lines: list[str], column: int) -> int:
    """Which entry of its list a dash at a column begins."""
    count = 0
    for line in reversed(lines):
        bare = line.lstrip(" ")
        at = len(line) - len(bare)
        if not bare or at > column or bare.startswith("#"):
            continue
        if at < column or not bare.startswith("-"):
            break
        count += 1
    return count


def _beside(content: str, lines: list[str], column: int) -> tuple[str, ...]:
    """The keys at a column around the line at hand."""
    below = content.split("\n")[len(lines) + 1 :]
    found: list[str] = []
    for group in (list(reversed(lines)), below):
        for other in group:
            match = _ENTRY.match(other)
            if not other.strip() or match is None or match[3] is None:
                continue
            at = len(match[1]) + len(match[2])
            if at < column:
                break
            if at == column:
                found.append(_plain(match[3]))
    return tuple(found)


def _block_text(lines: list[str], column: int) -> Path | None:
    """The key of the block text that a line would belong to."""
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        if indent >= column:
            continue
        if re.search(r": *[|>][+-]?\d?\s*(#.*)?$", line):
            match = _ENTRY.match(line)
            if match is not None and match[3] is not None:
                inner = len(match[1]) + len(match[2])
                return (*_above([*lines[:at]], inner, False), _plain(match[3]))
        return None
    return None


def _flow(text: str, path: Path) -> tuple[Path, bool, str, tuple[str, ...]] | None:
    """What is being written behind the last open bracket of a line; None where none is open."""
    levels: list[tuple[str, Path, list[str], int]] = []
    here, at, word, value = path, 0, 0, False
    while at < len(text):
        mark = text[at]
        if mark in "\"'":
            at = text.find(mark, at + 1)
            if at < 0:
                break
        elif mark in "[{":
            levels.append((mark, here, [], 0))
            here, word, value = (*here, 0) if mark == "[" else here, at + 1, mark == "["
        elif mark in "]}" and levels:
            here, value = levels.pop()[1], True
        elif mark == "," and levels:
            kind, around, keys, count = levels.pop()
            levels.append((kind, around, keys, count + 1))
            here = (*around, count + 1) if kind == "[" else around
            word, value = at + 1, kind == "["
        elif mark == ":" and levels and text[at + 1 : at + 2] in (" ", ""):
            name = _plain(text[word:at].strip())
            levels[-1][2].append(name)
            here, word, value = (*here, name), at + 1, True
        at += 1
    if not levels:
        return None
    return here, value, text[word:].lstrip(), tuple(levels[-1][2])


def _plain(key: str) -> str:
    return key[1:-1] if key[:1] in "\"'" and key[-1:] == key[:1] and len(key) > 1 else key.strip()
