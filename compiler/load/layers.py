"""What set the values of a config, in the order it was applied: files, then arguments."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from compiler.load.command import CommandLine
from compiler.load.marks import Marks
from compiler.load.parse import parse
from compiler.load.text import Text
from compiler.source import Span

Path: TypeAlias = tuple[str | int, ...]


class Layer(Protocol):
    """One file or argument that sets values."""

    @property
    def deleted(self) -> bool:
        """Whether it took the value away instead."""

    @property
    def content(self) -> str:
        """All its text."""

    def sets(self, path: Path) -> bool:
        """Whether it sets the value at this path itself."""

    def value(self, path: Path) -> Any:
        """The value it sets, before interpolation."""

    def span(self, path: Path, *, key: bool = False) -> Span | None:
        """Where it sets the value, or writes its key."""

    def written(self, path: Path) -> str | None:
        """The text value before interpolation; None for anything else."""

    def within(self, path: Path, offset: int, length: int) -> Span | None:
        """Where a stretch of the text value, as written, stands."""


class FileLayer(Struct, frozen=True, dict=True):
    """A file whose content went to a package of the config."""

    text: Text
    package: Path = ()
    deleted: bool = False

    @cached_property
    def _marks(self) -> Marks:
        return Marks(self.text)

    @cached_property
    def _plain(self) -> Any:
        return parse(self.text)

    @property
    def content(self) -> str:
        """The text of the file."""
        return self.text.content

    def value(self, path: Path) -> Any:
        """The value in the file; the path is one that it sets."""
        value = self._plain
        for part in self._inner(path) or ():
            value = value[int(part) if isinstance(value, list) else str(part)]
        return value

    def _inner(self, path: Path) -> Path | None:
        depth = len(self.package)
        return path[depth:] if path[:depth] == self.package and len(path) >= depth else None

    def sets(self, path: Path) -> bool:
        """Whether the file holds a value for the path."""
        inner = self._inner(path)
        return inner is not None and self._marks.has(inner)

    def span(self, path: Path, *, key: bool = False) -> Span | None:
        """The value's place in the file."""
        inner = self._inner(path)
        if inner is None:
            return None
        if not inner:
            return Span.point(self.text.name)
        return self._marks.span(inner, key=key)

    def written(self, path: Path) -> str | None:
        """The text as the file has it."""
        inner = self._inner(path)
        return None if inner is None else self._marks.value(inner)

    def within(self, path: Path, offset: int, length: int) -> Span | None:
        """A stretch of the text, inside of quotes and blocks too."""
        inner = self._inner(path)
        return None if inner is None else self._marks.within(inner, offset, length)


class SectionLayer(Struct, frozen=True):
    """A section of another layer that is merged over the whole config: an environment."""

    layer: Layer
    section: Path
    deleted: bool = False

    @property
    def content(self) -> str:
        """The text of the whole layer."""
        return self.layer.content

    def sets(self, path: Path) -> bool:
        """Whether the section holds a value for the path; it is never the spec itself."""
        return bool(path) and self.layer.sets((*self.section, *path))

    def value(self, path: Path) -> Any:
        """The value in the section."""
        return self.layer.value((*self.section, *path))

    def span(self, path: Path, *, key: bool = False) -> Span | None:
        """The value's place in the section."""
        return self.layer.span((*self.section, *path), key=key)

    def written(self, path: Path) -> str | None:
        """The text as the section has it."""
        return self.layer.written((*self.section, *path))

    def within(self, path: Path, offset: int, length: int) -> Span | None:
        """A stretch of the text in the section."""
        return self.layer.within((*self.section, *path), offset, length)


class ArgumentLayer(Struct, frozen=True, dict=True):
    """An override of a value; ``deleted`` when it took the value away."""

    command: CommandLine
    index: int
    path: Path
    given: Any
    deleted: bool = False

    @property
    def content(self) -> str:
        """The argument as it was typed."""
        return self.command.overrides[self.index]

    def value(self, path: Path) -> Any:
        """The value of the argument, or the part of it at the path."""
        return self._find(path)[1]

    def _find(self, path: Path) -> tuple[bool, Any]:
        depth = len(self.path)
        if tuple(map(str, path[:depth])) != tuple(map(str, self.path)):
            return False, None
        value = self.given
        for part in path[depth:]:
            if isinstance(value, dict) and part in value:
                value = value[str(part)]
            elif isinstance(value, list) and isinstance(part, int):
                value = value[part] if part < len(value) else None
            else:
                return False, None
        return True, value

    def sets(self, path: Path) -> bool:
        """Whether the argument names the path, or a value it gives has it inside."""
        return self._find(path)[0]

    def span(self, path: Path, *, key: bool = False) -> Span | None:
        """The argument: its key, or all of it."""
        if not self.sets(path):
            return None
        argument = self.command.overrides[self.index]
        equals = argument.find("=")
        return self.command.override(self.index, 0, equals if key and equals > 0 else None)

    def written(self, path: Path) -> str | None:
        """The text as the argument has it."""
        value = self._find(path)[1]
        return value if isinstance(value, str) else None

    def within(self, path: Path, offset: int, length: int) -> Span | None:
        """A stretch of the text, where the argument holds it unchanged."""
        value = self.written(path)
        if value is None:
            return None
        argument = self.command.overrides[self.index]
        start = argument.find(value, argument.find("=") + 1) if value else -1
        if start < 0:
            return self.span(path)
        first = start + min(offset, len(value) - 1)
        return self.command.override(self.index, first, min(first + length, start + len(value)))
