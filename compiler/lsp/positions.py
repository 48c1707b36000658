"""Places in texts as editors count them: lines from 0, and units of the encoding agreed on."""

from __future__ import annotations

from lsprotocol import types
from msgspec import Struct

from compiler.source import Span

_SIZES = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


class Ruler(Struct, frozen=True):
    """Measures one text.

    Attributes:
        content: The text; its lines end with a line feed.
        encoding: What the editor counts.
    """

    content: str
    encoding: str = "utf-16"

    def offset(self, position: types.Position) -> int:
        """The offset of a position; the nearest there is."""
        start = 0
        for _ in range(position.line):
            found = self.content.find("\n", start)
            if found < 0:
                return len(self.content)
            start = found + 1
        end = self.content.find("\n", start)
        line = self.content[start : len(self.content) if end < 0 else end]
        return start + self._characters(line, position.character)

    def position(self, offset: int) -> types.Position:
        """The position of an offset."""
        start = self.content.rfind("\n", 0, offset) + 1
        line = self.content.count("\n", 0, start)
        return types.Position(line, self._units(self.content[start:offset]))

    def range(self, start: int, end: int) -> types.Range:
        """The range from one offset to another."""
        return types.Range(self.position(start), self.position(end))

    def of_span(self, span: Span) -> types.Range:
        """The range of a span of this text."""
        lines = self.content.split("\n")
        return types.Range(
            self._of(lines, span.line, span.column), self._of(lines, span.end_line, span.end_column)
        )

    def _of(self, lines: list[str], line: int, column: int) -> types.Position:
        if line > len(lines):
            return self.position(len(self.content))
        return types.Position(line - 1, self._units(lines[line - 1][: column - 1]))

    def _units(self, text: str) -> int:
        name, size = _SIZES.get(self.encoding, _SIZES["utf-16"])
        return len(text) if text.isascii() else len(text.encode(name, "surrogatepass")) // size

    def _characters(self, line: str, units: int) -> int:
        if line.isascii():
            return min(units, len(line))
        count = 0
        for at, character in enumerate(line):
            if count >= units:
                return at
            count += self._units(character)
        return len(line)
