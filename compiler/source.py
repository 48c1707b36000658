"""Places in the text a user wrote: files, and arguments of the command line."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

COMMAND_LINE = "<command line>"


class Span(Struct, frozen=True, order=True):
    """A stretch of text: 1-based lines and columns; the end column is exclusive."""

    source: str
    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def point(cls, source: str, line: int = 1, column: int = 1) -> Span:
        """The single character at a line and column."""
        return cls(source, line, column, line, column + 1)

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


class Sources:
    """The texts that diagnostics quote, by the name that spans carry.

    A name is a path as the user would type it, or ``COMMAND_LINE``. Texts are
    read when a line of them is first quoted, so a compile without findings
    pays nothing.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root
        self._texts: dict[str, list[str]] = {}
        self._given: set[str] = set()

    def add(self, name: str, text: str) -> None:
        """Keep the text of a name that is no file of the user's."""
        self._texts[name] = text.split("\n")
        self._given.add(name)

    def draft(self, name: str, text: str) -> None:
        """Keep the text that a file of the user's might become."""
        self._texts[name] = text.split("\n")

    def file(self, name: str) -> str | None:
        """The text of a file of the user's; None for anything else."""
        if name in self._given or self.line(name, 1) is None:
            return None
        return "\n".join(self._texts[name])

    def line(self, name: str, number: int) -> str | None:
        """The text of one line, or None where it cannot be read."""
        if name not in self._texts:
            path = Path(name) if self.root is None else self.root / name
            try:
                self.draft(name, path.read_bytes().decode("utf-8-sig"))
            except (OSError, UnicodeDecodeError):
                return None
        lines = self._texts[name]
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else None
