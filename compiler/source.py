"""Places in the text a user wrote: files, and arguments of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

COMMAND_LINE = "<command line>"

_NONE: Mapping[Path, str] = MappingProxyType({})
_DRAFTS: ContextVar[Mapping[Path, str]] = ContextVar("drafts", default=_NONE)
_ASKED: ContextVar[set[Path] | None] = ContextVar("asked", default=None)


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


@contextmanager
def drafted(texts: Mapping[Path, str]) -> Iterator[None]:
    """Inside, files of a spec are read as they might become, and not from the disk."""
    before = _DRAFTS.set({path.resolve(): text for path, text in texts.items()})
    try:
        yield
    finally:
        _DRAFTS.reset(before)


@contextmanager
def noting(asked: set[Path]) -> Iterator[None]:
    """Inside, every file of a spec that is asked for is noted, whether it is there or not."""
    before = _ASKED.set(asked)
    try:
        yield
    finally:
        _ASKED.reset(before)


def draft_of(path: Path) -> bytes | None:
    """What a file might become, where that is asked; None where the disk has it."""
    asked = _ASKED.get()
    if asked is not None:
        asked.add(path)
    drafts = _DRAFTS.get()
    text = drafts.get(path.resolve()) if drafts else None
    return None if text is None else text.encode("utf-8", "surrogatepass")


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
        # A plain dictionary: an error goes to another process with the texts it quotes.
        self._drafts = dict(_DRAFTS.get())

    def add(self, name: str, text: str) -> None:
        """Keep the text of a name that is no file of the user's."""
        self._texts[name] = text.split("\n")
        self._given.add(name)

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
                self._texts[name] = self._read(path).split("\n")
            except (OSError, ValueError):
                return None
        lines = self._texts[name]
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else None

    def _read(self, path: Path) -> str:
        draft = self._drafts.get(path.resolve()) if self._drafts else None
        return path.read_bytes().decode("utf-8-sig") if draft is None else draft
