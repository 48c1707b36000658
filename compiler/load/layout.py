"""The canonical layout of a YAML text: indentation, blanks and quotes; comments and meaning stay.

The text is read as tokens with their places. Each token is written again, with
the break or the blank before it that the layout asks for; what stands between
two tokens can only be blanks and comments. Lines are broken where they were.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.load.edit import same
from compiler.load.parse import parse
from compiler.load.scalars import plain_scalar
from compiler.load.text import Text

STEP = 2
_WORD = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_READ_OTHERWISE = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_BLOCK = re.compile(r"([|>])([+-]?)([1-9]?)([+-]?)[ \t]*(#.*)?")
_OPEN = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)
_CLOSE = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
_LINE = (yaml.DocumentStartToken, yaml.DocumentEndToken, yaml.DirectiveToken)


def laid_out(text: Text) -> str:
    """The text in the canonical layout.

    Raises:
        StackcError: Whatever keeps it from being read (E101 to E111); E131
            where the layout would not mean the same.
    """
    meaning = parse(text)
    content = re.sub(r"\r\n?", "\n", text.content)
    after = _Writer(content).written()
    if not _means(after, meaning):
        raise fail(
            Code.NOT_FORMATTED,
            f"`{text.name}` cannot be laid out without changing what it means",
            span=text.span(0, text.line_end(0)),
            help="this is a fault of stackc: please report it with the file, which is unchanged",
        )
    return after


def _means(content: str, meaning: Any) -> bool:
    try:
        return same(parse(Text("laid out", content)), meaning)
    except StackcError:
        return False


class _Level(Struct):
    """A mapping or list written by indentation: the column it had, and the one it gets."""

    kind: type
    was: int
    indent: int


class _Writer:
    """Writes the tokens of a text anew."""

    def __init__(self, content: str) -> None:
        self._content = content
        self._out: list[str] = []
        self._levels: list[_Level] = []
        self._around: list[_Level] = []
        self._flow = 0
        self._end = 0
        self._last: Any = None
        self._at_key = False
        self._kinds = _top_kinds(content)
        self._after_kind = False

    def written(self) -> str:
        """The whole text."""
        for token in yaml.scan(self._content, Loader=yaml.CSafeLoader):
            self._token(token)
        self._gap(len(self._content), 0, 0)
        text = "".join(self._out).lstrip("\n")
        return text if self._keeps_tail() else f"{text.rstrip()}\n"

    def _keeps_tail(self) -> bool:
        """Whether the text ends with a block text that keeps the blank lines behind it."""
        last = self._last
        block = isinstance(last, yaml.ScalarToken) and last.style in ("|", ">")
        return bool(block and not self._content[self._end :].strip() and last.value[-2:] == "\n\n")

    def _token(self, token: Any) -> None:
        kind = type(token)
        if kind in (yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken):
            self._open(kind, token.start_mark.column)
        elif kind is yaml.BlockEndToken:
            self._close()
        elif kind in (yaml.StreamStartToken, yaml.StreamEndToken):
            return
        else:
            self._begin_entry(kind, token)
            if kind is yaml.KeyToken:
                self._key(token)
            elif token.start_mark.index < token.end_mark.index:
                self._write(token)
        if kind in _OPEN:
            self._flow += 1

    def _key(self, token: Any) -> None:
        """A key comes next; the ``?`` that may announce it is left out."""
        start, end = token.start_mark.index, token.end_mark.index
        if start < end:
            self._content = self._content[:start] + " " * (end - start) + self._content[end:]
        self._at_key = not self._flow

    def _open(self, kind: type, column: int) -> None:
        self._levels.append(_Level(kind, column, self._inner()))

    def _close(self) -> None:
        while self._levels and self._levels[-1].kind is yaml.BlockEntryToken:
            self._levels.pop()
        if self._levels:
            self._levels.pop()

    def _inner(self) -> int:
        """The indent of what stands inside of the innermost mapping or list."""
        return self._levels[-1].indent + STEP if self._levels else 0

    def _begin_entry(self, kind: type, token: Any) -> None:
        """A list may stand at its key's own column: it has no token of its own to begin with."""
        if self._flow or not self._levels:
            return
        top = self._levels[-1].kind
        if kind is yaml.BlockEntryToken and top is yaml.BlockMappingStartToken:
            self._open(yaml.BlockEntryToken, token.start_mark.column)
        elif kind is yaml.KeyToken and top is yaml.BlockEntryToken:
            self._levels.pop()

    def _write(self, token: Any) -> None:
        start, end = token.start_mark.index, token.end_mark.index
        kind = type(token)
        raw = self._content[start:end]
        if kind is yaml.ScalarToken and token.style in ("|", ">"):
            raw = self._without_tail(raw)
            end = start + len(raw)
        if kind in _CLOSE:
            self._flow -= 1
        indent = self._indent(kind)
        top, beside = self._is_top_key(token), self._may_be_beside(kind)
        if not self._gap(start, token.start_mark.column, indent, top, beside):
            self._out.append(self._blank(kind, indent))
        self._out.append(self._shape(token, raw))
        self._end, self._last, self._around = end, token, list(self._levels)
        self._at_key = False

    def _indent(self, kind: type) -> int:
        """The column of a token that begins its line."""
        if kind in _LINE or not self._levels:
            return STEP * self._flow
        level = self._levels[-1]
        if self._flow or kind in _CLOSE:
            beside_dash = level.kind is not yaml.BlockMappingStartToken
            return level.indent + STEP * (self._flow + beside_dash)
        return level.indent if self._begins(kind) else level.indent + STEP

    def _begins(self, kind: type) -> bool:
        """Whether a token begins an entry of a mapping or list that is written by indentation."""
        return kind is yaml.BlockEntryToken or self._at_key

    def _is_top_key(self, token: Any) -> bool:
        """Whether a blank line belongs before it: the key of a kind, or what comes behind one."""
        if len(self._levels) != 1 or self._flow or not self._at_key:
            return False
        before, self._after_kind = self._after_kind, token.start_mark.index in self._kinds
        return before or self._after_kind

    def _blank(self, kind: type, indent: int) -> str:
        """What stands between two tokens on one line."""
        last = type(self._last)
        if last is yaml.ValueToken and not self._flow and self._begins(kind):
            return "\n" + " " * indent  # behind the `:` of a key that `?` announced
        if not self._out or last in _OPEN or kind in (*_CLOSE, yaml.FlowEntryToken):
            return ""
        return "" if kind is yaml.ValueToken else " "

    def _gap(
        self, start: int, column: int, indent: int, top: bool = False, beside: bool = False
    ) -> bool:
        """Write the comments and the break between two tokens; whether there was a break."""
        first, *lines = self._content[self._end : start].split("\n")
        if not self._out:
            first, lines = "", [first, *lines]
        elif first.strip():
            self._out.append(f"  {first.strip()}")
        if not lines:
            return False
        notes = lines[:-1] if start < len(self._content) or not lines[-1].strip() else lines
        if beside and not any(note.strip() for note in notes) and not first.strip():
            return False
        if self._out:
            self._out.append("\n")
        self._notes(notes, column, indent, top)
        self._out.append(" " * indent)
        return True

    def _may_be_beside(self, kind: type) -> bool:
        """Whether a break before it says nothing: behind a dash, and before the `:` of a key."""
        return type(self._last) is yaml.BlockEntryToken or kind is yaml.ValueToken

    def _notes(self, notes: list[str], column: int, indent: int, top: bool) -> None:
        """Comments on lines of their own, and at most one blank line in a row."""
        lines = [(note.strip(), len(note) - len(note.lstrip())) for note in notes]
        # Deeper comments are of the block before.
        own = max((at for at, (_, was) in enumerate(lines, 1) if was > column), default=0)
        if top and all(line for line, _ in lines[own:]):
            lines.insert(own, ("", 0))
        for at, (line, was) in enumerate(lines):
            if line:
                self._out.append(" " * self._of_comment(was, column, indent) + line + "\n")
            elif self._out and (at == 0 or lines[at - 1][0]):
                self._out.append("\n")

    def _of_comment(self, was: int, column: int, indent: int) -> int:
        """A comment goes with what stands at its column: what comes next, or what was before."""
        if self._flow or was <= column or not self._around:
            return indent
        inner = [level.indent for level in self._around if level.was <= was]
        return max(indent, inner[-1] if inner else indent)

    def _shape(self, token: Any, raw: str) -> str:
        if not isinstance(token, yaml.ScalarToken):
            return raw
        if token.style in ("|", ">"):
            return self._block(raw)
        if "\n" not in raw:
            return _quoted(token, raw)
        inner = " " * (self._levels[-1].indent + STEP * (1 + self._flow) if self._levels else STEP)
        first, *lines = raw.split("\n")
        return "\n".join([first, *(f"{inner}{x.lstrip()}" if x.strip() else "" for x in lines)])

    def _block(self, raw: str) -> str:
        """A text of several lines as they are, moved as a whole."""
        head, *lines = raw.split("\n")
        style, keep, digit, note = _header(head)
        strip, inner = self._width(raw), " " * self._inner()
        mark = f"{style}{STEP if digit else ''}{keep}" + (f"  {note}" if note else "")
        return "\n".join([mark, *(f"{inner}{x[strip:]}" if x[strip:] else "" for x in lines)])

    def _width(self, raw: str) -> int:
        """How far the lines of a block text are indented."""
        head, *lines = raw.split("\n")
        digit = _header(head)[2]
        if digit:
            return max(self._levels[-1].was if self._levels else 0, 0) + int(digit)
        full = next((line for line in lines if line.strip(" ")), "")
        return len(full) - len(full.lstrip(" "))

    def _without_tail(self, raw: str) -> str:
        """A block text without the blank lines behind it, unless they are part of it."""
        head, *lines = raw.split("\n")
        if "+" in _header(head)[1]:
            return raw.removesuffix("\n")
        width = self._width(raw)
        while lines and not lines[-1][width:] and not lines[-1].strip(" "):
            lines.pop()
        return "\n".join([head, *lines])


def _header(line: str) -> tuple[str, str, str, str]:
    """A block text's first line: its style, what it keeps, its indentation, its comment."""
    match = _BLOCK.match(line)
    style, before, digit, behind, note = match.groups() if match else (line, "", "", "", None)
    return style, before or behind, digit, note or ""


def _quoted(token: Any, raw: str) -> str:
    """A text of one line with the quotes it needs: none, or double ones where they read well."""
    value = token.value
    if token.style not in ("'", '"'):
        return raw
    if _WORD.fullmatch(value) and value.lower() not in _READ_OTHERWISE:
        return value if isinstance(plain_scalar(value), str) else raw
    if token.style == "'" and not set(value) & set('"\\') and value.isprintable():
        return f'"{value}"'
    return raw


def _top_kinds(content: str) -> frozenset[int]:
    """Where the keys of the outermost mapping begin whose values are written by indentation."""
    found: set[int] = set()
    depth, key, before = 0, -1, None
    for token in yaml.scan(content, Loader=yaml.CSafeLoader):
        kind = type(token)
        starts = kind in (yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken)
        if depth == 1 and (starts or kind is yaml.BlockEntryToken):
            found.add(key)
        depth += starts - (kind is yaml.BlockEndToken)
        if depth == 1 and before is yaml.KeyToken:
            key = token.start_mark.index
        before = kind
    return frozenset(found)
