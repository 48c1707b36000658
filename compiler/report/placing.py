"""Gives every finding of a command a place: in the spec, or at the argument that named it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from compiler.diagnostics import Diagnostic, StackcError
from compiler.source import COMMAND_LINE, Sources

if TYPE_CHECKING:
    from compiler.pipeline import Compiled


class Asked(Struct, frozen=True):
    """What a command was asked about: a spec with its overrides and folders, or a saved plan."""

    spec: Path
    overrides: Sequence[str] = ()
    config_dirs: Sequence[Path] = ()
    environment: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The spec, its overrides and its environment, as arguments of a command."""
        environment = () if self.environment is None else ("--env", self.environment)
        return (str(self.spec), *self.overrides, *environment)


@contextmanager
def placing(asked: Asked, compiled: Compiled | None = None) -> Iterator[None]:
    """Inside, every StackcError that leaves gets places and the texts to quote."""
    try:
        yield
    except StackcError as error:
        raise with_places(error, asked, compiled) from error


def with_places(error: StackcError, asked: Asked, compiled: Compiled | None) -> StackcError:
    """The same error with a span for every finding."""
    sources = error.sources or (compiled.sources if compiled is not None else Sources())
    found = StackcError(*place_all(error.diagnostics, asked, compiled, sources))
    found.sources = sources
    return found


def place_all(
    found: Iterable[Diagnostic], asked: Asked, compiled: Compiled | None, sources: Sources
) -> tuple[Diagnostic, ...]:
    """The findings with their spans; what no line of the spec caused points at the argument."""
    from compiler.load.command import CommandLine
    from compiler.load.provenance import locate

    located = tuple(found) if compiled is None else locate(found, compiled.provenance)
    if all(diagnostic.span is not None for diagnostic in located):
        return located
    line = CommandLine(
        asked.spec, asked.overrides, asked.config_dirs, environment=asked.environment
    )
    if sources.line(COMMAND_LINE, 1) is None:
        sources.add(COMMAND_LINE, line.text.content)
    return tuple(d if d.span is not None else replace(d, span=line.spec) for d in located)
